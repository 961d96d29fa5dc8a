package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/setting"
)

// cacheSettings are the settings of a feature outside of egraft.
type cacheSettings struct {
	Dir     string
	MaxAge  time.Duration
	Entries int
	Strict  bool
	Hosts   []string
}

// cache declares the settings of the features "cache" and "empty".
func cache() (*cacheSettings, []Section) {
	c := &cacheSettings{Dir: "/cache", MaxAge: time.Minute, Entries: 10, Hosts: []string{"a"}}
	positive := func(n int) error {
		if n <= 0 {
			return errors.New("must be greater than 0")
		}
		return nil
	}
	return c, []Section{{Feature: "cache", Settings: []setting.Setting{
		{Name: "dir", Value: setting.Text(&c.Dir, "path"), Help: "where it is"},
		{Name: "max-age", Value: setting.Duration(&c.MaxAge), Help: "how long something is kept"},
		{Name: "entries", Value: setting.Number(&c.Entries, positive), Help: "most entries"},
		{Name: "strict", Value: setting.Bool(&c.Strict), Help: "be strict"},
		{Name: "hosts", Value: setting.List(&c.Hosts, "names"), Help: "hosts"},
	}}, {Feature: "empty"}}
}

// flagsOf parses a command line with the sections.
func flagsOf(t *testing.T, sections []Section, args ...string) *Flags {
	t.Helper()
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	flags := AddFlags(set, sections)
	require.NoError(t, set.Parse(args))
	return flags
}

func TestSettingsOfFeatures(t *testing.T) {
	want := &cacheSettings{Dir: "/x", MaxAge: 90 * time.Second, Entries: 3, Strict: true, Hosts: []string{"b", "c"}}
	args := strings.Fields("--cache-dir /x --cache-max-age 90s --cache-entries 3 --cache-strict --cache-hosts b --cache-hosts c")
	env := strings.Fields("EGRAFT_CACHE_DIR=/x EGRAFT_CACHE_MAX_AGE=90s EGRAFT_CACHE_ENTRIES=3 EGRAFT_CACHE_STRICT=true EGRAFT_CACHE_HOSTS=b,c")
	file := header + "features:\n  cache: {dir: /x, maxAge: 90s, entries: 3, strict: true, hosts: [b, c]}\n  empty: {}\n"
	for name, src := range map[string]Sources{
		"flags":       {Flags: flagsOf(t, sectionsOnly(), args...)},
		"environment": {Environ: env},
		"file":        {Environ: []string{"EGRAFT_CONFIG=" + writeFile(t, file)}},
	} {
		t.Run(name, func(t *testing.T) {
			var got *cacheSettings
			got, src.Sections = cache()
			_, errs := Load(src)
			require.Empty(t, errs)
			require.Equal(t, want, got)
		})
	}
	require.Equal(t, []string{"EGRAFT_CACHE_LENGTH"}, UnknownVariables(append(env, "EGRAFT_CACHE_LENGTH=1"), sectionsOnly()))
	require.Contains(t, UnknownVariables(env, nil), "EGRAFT_CACHE_DIR", "without the feature")
}

func sectionsOnly() []Section {
	_, sections := cache()
	return sections
}

func TestPrecedenceOfFeatures(t *testing.T) {
	file := writeFile(t, header+"features: {cache: {dir: /file, maxAge: 1s, entries: 1}}\n")
	got, sections := cache()
	_, errs := Load(Sources{
		Flags:    flagsOf(t, sectionsOnly(), "--cache-dir=/flag"),
		Environ:  []string{"EGRAFT_CONFIG=" + file, "EGRAFT_CACHE_DIR=/env", "EGRAFT_CACHE_MAX_AGE=2s"},
		Sections: sections,
	})
	require.Empty(t, errs)
	require.Equal(t, &cacheSettings{Dir: "/flag", MaxAge: 2 * time.Second, Entries: 1, Hosts: []string{"a"}}, got)
}

func TestBadSettingsOfFeatures(t *testing.T) {
	for name, test := range map[string]struct {
		args, env []string
		file      string
		want      []string
	}{
		"flag": {args: []string{"--cache-max-age", "1"}, want: []string{
			`--cache-max-age: Invalid value: "1": must be a duration with its unit, like "1s" or "1m30s"`,
		}},
		"check": {args: []string{"--cache-entries", "0"}, want: []string{`--cache-entries: Invalid value: "0": must be greater than 0`}},
		"variable": {env: []string{"EGRAFT_CACHE_STRICT=yes"}, want: []string{
			`EGRAFT_CACHE_STRICT: Invalid value: "yes": must be true or false`,
		}},
		"types of the file": {file: `features: {cache: {strict: "true", entries: -1, maxAge: 60, hosts: a}}`, want: []string{
			`features.cache.maxAge: Invalid value: "60": must be a string`,
			`features.cache.entries: Invalid value: "-1": must be greater than 0`,
			`features.cache.strict: Invalid value: "true": must be true or false`,
			`features.cache.hosts: Invalid value: "a": must be a list of strings`,
		}},
		"unknown fields": {file: "features: {cache: {max-age: 1s, size: 1}}", want: []string{
			`features.cache.max-age: Forbidden: unknown field, did you mean "maxAge"?`,
			`features.cache.size: Forbidden: unknown field`,
		}},
		"unknown features":  {file: "features: {backend-mtls: {}, cash: {dir: /x}}", want: []string{`features.backend-mtls: Forbidden: no feature of this name has settings`, `features.cash: Forbidden: no feature of this name has settings`}},
		"no map":            {file: "features: [cache]", want: []string{`features: Invalid value: "[\"cache\"]": must be a map of features to their settings`}},
		"section is no map": {file: "features: {cache: /x}", want: []string{`features.cache: Invalid value: "/x": must be a map of settings`}},
		"null":              {file: "features:\n  cache:\n", want: []string{`features.cache: Invalid value: "null": must be a map of settings`}},
		"with those of egraft": {args: []string{"--cache-entries", "x"}, file: "sockets: /a\nfeatures: {cache: {dri: /x}}", want: []string{
			`features.cache.dri: Forbidden: unknown field`, `sockets: Forbidden: unknown field`,
			`--cache-entries: Invalid value: "x": must be a whole number`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.file != "" {
				test.env = append(test.env, "EGRAFT_CONFIG="+writeFile(t, header+test.file))
			}
			got, sections := cache()
			before := *got
			_, errs := Load(Sources{Flags: flagsOf(t, sectionsOnly(), test.args...), Environ: test.env, Sections: sections})
			require.Equal(t, test.want, messages(errs))
			require.Equal(t, &before, got, "an invalid value changes nothing")
		})
	}
}

// TestFileForFeatures: a file must not have settings of features that the binary does not have.
func TestFileForFeatures(t *testing.T) {
	path := writeFile(t, header+"features: {cache: {dir: /x}}")
	_, errs := Load(Sources{Environ: []string{"EGRAFT_CONFIG=" + path}})
	require.Equal(t, []string{"features.cache: Forbidden: no feature of this name has settings"}, messages(errs))
}
