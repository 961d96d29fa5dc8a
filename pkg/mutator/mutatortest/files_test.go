package mutatortest

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/callfile"
)

// fieldsOf returns the names of the fields of a file.
func fieldsOf(file reflect.Type) (out []string) {
	for f := range file.Fields() {
		if f.Anonymous {
			out = append(out, fieldsOf(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(out, name)
	}
	return out
}

// TestFieldsAreDocumented: the tables of README.md list all fields, and no others.
func TestFieldsAreDocumented(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, in, found := strings.Cut(string(readme), "## in.yaml")
	require.True(t, found)
	in, out, found := strings.Cut(in, "## out.yaml")
	require.True(t, found)
	for section, files := range map[string][]reflect.Type{
		in: {reflect.TypeFor[callfile.File]()}, out: {reflect.TypeFor[callfile.Result](), reflect.TypeFor[callfile.Results]()},
	} {
		var want, got []string
		for _, f := range files {
			want = append(want, fieldsOf(f)...)
		}
		for line := range strings.Lines(section) {
			if field, found := strings.CutPrefix(line, "| `"); found {
				name, _, _ := strings.Cut(field, "`")
				got = append(got, name)
			}
		}
		require.ElementsMatch(t, want, got)
	}
}
