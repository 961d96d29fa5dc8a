package convert_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/convert"
	"github.com/egraft/egraft/internal/render"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/features/filterpolicy"
	"github.com/egraft/egraft/pkg/features/xdspatchpolicy"
	"github.com/egraft/egraft/pkg/policy"
)

var update = flag.Bool("update", false, "write testdata/*/out.yaml and told.txt")

// converter returns a Converter with a world, nil for none.
func converter(t testing.TB, w *convert.World) *convert.Converter {
	t.Helper()
	c := &convert.Converter{World: w, Restrictions: tenancy.Restrictions{Limits: tenancy.DefaultLimits()}}
	for _, k := range [][]policy.Kind{xdspatchpolicy.New().Policies, filterpolicy.New(0).Policies} {
		c.Kinds = append(c.Kinds, k...)
	}
	return c
}

func dump(t testing.TB) *render.Dump {
	t.Helper()
	text, err := os.ReadFile("testdata/dump.yaml")
	require.NoError(t, err)
	in := &render.Input{}
	require.NoError(t, in.Read(text))
	return in.Dump
}

func world(t testing.TB) *convert.World {
	t.Helper()
	w := &convert.World{}
	require.NoError(t, w.Add(dump(t).Resources()))
	return w
}

// TestConvert: in.yaml is converted to out.yaml, with the remarks in told.txt. Cases whose names
// begin with names- have no dump.
func TestConvert(t *testing.T) {
	cases, err := filepath.Glob("testdata/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, in := range cases {
		dir := filepath.Dir(in)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			text, err := os.ReadFile(in)
			require.NoError(t, err)
			policies, _, err := convert.Read(text, "default")
			require.NoError(t, err)
			var w *convert.World
			if !strings.HasPrefix(filepath.Base(dir), "names-") {
				w = world(t)
			}
			result := converter(t, w).Convert(t.Context(), policies)
			got, err := result.Write()
			require.NoError(t, err)
			golden(t, filepath.Join(dir, "out.yaml"), string(got))
			golden(t, filepath.Join(dir, "told.txt"), told(result))
		})
	}
}

func told(r *convert.Result) string {
	var out strings.Builder
	for _, t := range r.Told {
		if t.IsNote {
			out.WriteString("note: ")
		}
		out.WriteString(t.String() + "\n")
	}
	for _, g := range r.Grants {
		out.WriteString(g.String() + "\n")
	}
	if len(r.Grants) > 0 {
		out.WriteString(r.Rules.String() + "\n")
	}
	return terminal.PrintableLines(out.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "write it with -update")
}
