package feature

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/setting"
)

type settings struct {
	Greeting string
	Names    []string
}

func table(s *settings) []setting.Setting {
	return []setting.Setting{
		{Name: "greeting", Value: setting.Text(&s.Greeting, "text"), Help: "what to say"},
		{Name: "names", Value: setting.List(&s.Names, "names"), Help: "to whom"},
	}
}

func newFeature(s settings) (mutator.Feature, error) {
	if len(s.Names) == 0 {
		return mutator.Feature{}, errors.New("needs names")
	}
	return mutator.Feature{Name: "hello", After: append([]string{s.Greeting}, s.Names...)}, nil
}

func hello() Registration {
	return WithSettings("hello", settings{Greeting: "hi", Names: []string{"a"}}, table, newFeature)
}

// TestDeclarationsAreApart: a value that is set in one declaration does not affect another.
func TestDeclarationsAreApart(t *testing.T) {
	f := hello()
	first, second := f.Declare(), f.Declare()
	require.Equal(t, "hi", first.Settings[0].Value.String())
	require.NoError(t, first.Settings[0].Value.Set("hello"))
	require.NoError(t, first.Settings[1].Value.Set("b,c"))
	feature, err := first.Feature()
	require.NoError(t, err)
	require.Equal(t, []string{"hello", "b", "c"}, feature.After)
	feature, err = second.Feature()
	require.NoError(t, err)
	require.Equal(t, []string{"hi", "a"}, feature.After)
}

func TestErrorsOfFeatures(t *testing.T) {
	d := hello().Declare()
	require.NoError(t, d.Settings[1].Value.Set(""))
	_, err := d.Feature()
	require.EqualError(t, err, "needs names")
	_, err = WithSettings("hullo", settings{Names: []string{"a"}}, table, newFeature).Declare().Feature()
	require.EqualError(t, err, `the feature is called "hello"`)
}

func TestWithoutSettings(t *testing.T) {
	f := New(plain)
	require.Equal(t, "plain", f.Name())
	require.Empty(t, f.Declare().Settings)
	feature, err := f.Declare().Feature()
	require.NoError(t, err)
	require.Equal(t, plain(), feature)
}

func plain() mutator.Feature { return mutator.Feature{Name: "plain"} }

func TestPackage(t *testing.T) {
	const here = "github.com/egraft/egraft/pkg/feature"
	require.Equal(t, here, New(plain).Package())
	require.Equal(t, here, hello().Package())
	require.Equal(t, here, New(func() mutator.Feature { return plain() }).Package(), "of a function without a name")
	for name, want := range map[string]string{
		"main.main.func1":               "main",
		"example.org/a/b.New":           "example.org/a/b",
		"example.org/a/b.T.New-fm":      "example.org/a/b",
		"example.org/a/b.New[...]":      "example.org/a/b",
		"gopkg.in/hello%2ev3.New":       "gopkg.in/hello.v3",
		"example.org/a.b/c%zz.New":      "example.org/a.b/c%zz",
		"example.org/a.b/c.glob..func1": "example.org/a.b/c",
	} {
		require.Equal(t, want, packageIn(name))
	}
}

func TestValidate(t *testing.T) {
	with := func(name string, settings ...string) Registration {
		return WithSettings(name, struct{}{}, func(*struct{}) (out []setting.Setting) {
			for _, s := range settings {
				out = append(out, setting.Setting{Name: s, Value: setting.Bool(new(bool))})
			}
			return out
		}, nil)
	}
	taken := map[string]string{"max-peers": "egraft"}
	require.NoError(t, Validate([]Registration{hello(), with("cache", "max-age", "dir")}, taken))
	require.NoError(t, Validate(nil, taken))
	for name, test := range map[string]struct {
		features []Registration
		want     string
	}{
		"name":             {[]Registration{with("Hello")}, `feature "Hello": the name must be lowercase words separated by dashes`},
		"no name":          {[]Registration{New(func() mutator.Feature { return mutator.Feature{} })}, `feature "": the name must be lowercase words separated by dashes`},
		"twice":            {[]Registration{with("a", "b"), with("a", "b")}, `feature "a" is listed twice`},
		"name of setting":  {[]Registration{with("a", "b", "max-1")}, `feature "a": setting "max-1": the name must be lowercase words separated by dashes`},
		"setting twice":    {[]Registration{with("a", "b", "b")}, `feature "a": setting "b": the flag --a-b is that of feature "a"`},
		"flag of egraft":   {[]Registration{with("max", "peers")}, `feature "max": setting "peers": the flag --max-peers is that of egraft`},
		"flag of a friend": {[]Registration{with("a", "b-c"), with("a-b", "c")}, `feature "a-b": setting "c": the flag --a-b-c is that of feature "a"`},
		"no value": {
			[]Registration{WithSettings("a", struct{}{}, func(*struct{}) []setting.Setting { return []setting.Setting{{Name: "b"}} }, nil)},
			`feature "a": setting "b" has no value`,
		},
		"all at once": {[]Registration{with("A"), with("max", "peers")}, `feature "A": the name must be lowercase words separated by dashes` + "\n" +
			`feature "max": setting "peers": the flag --max-peers is that of egraft`},
	} {
		t.Run(name, func(t *testing.T) { require.EqualError(t, Validate(test.features, taken), test.want) })
	}
	require.Len(t, taken, 1, "is left as it was")
}
