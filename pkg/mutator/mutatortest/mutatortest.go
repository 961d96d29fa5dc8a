// Package mutatortest tells whether a mutator family keeps the contract of package
// mutator. One call in the family's test does it:
//
//	func TestConformance(t *testing.T) {
//		mutatortest.Run(t, "testdata", func() mutator.Family { return hello.New() })
//	}
//
// Every folder of testdata is a case: in.yaml is a call of Envoy Gateway, out.yaml the
// expected result, written with -update. For each case the kit checks the result, and that
// it is valid, that it is the same bytes on every run, whatever the order of the custom
// resources and however many calls run at once, that a second pass over it changes nothing,
// that the input is left as it was, and that what the mutators did not want is byte for
// byte what came in. A family that reads policies has to leave everything as it came when
// there are none.
package mutatortest

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

var update = flag.Bool("update", false, "write out.yaml of mutator cases")

// Run checks the family on every case in dir. newFamily is called for each engine, so that
// state that a family keeps between engines comes to light.
func Run(t *testing.T, dir string, newFamily func() mutator.Family) {
	t.Helper()
	cases, err := filepath.Glob(filepath.Join(dir, "*", "in.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, cases, "no cases in %s", dir)
	for _, in := range cases {
		folder := filepath.Dir(in)
		t.Run(filepath.Base(folder), func(t *testing.T) { runCase(t, folder, newFamily) })
	}
}

func runCase(t *testing.T, folder string, newFamily func() mutator.Family) {
	call := ReadCall(t, filepath.Join(folder, "in.yaml"))
	res := run(t, newFamily(), call)
	t.Run("golden", func(t *testing.T) { golden(t, filepath.Join(folder, "out.yaml"), res) })
	t.Run("valid", func(t *testing.T) { valid(t, res) })
	t.Run("same bytes on every run", func(t *testing.T) { repeatable(t, call, res, newFamily) })
	t.Run("order of custom resources", func(t *testing.T) { shuffled(t, call, res, newFamily) })
	t.Run("idempotent", func(t *testing.T) { idempotent(t, call, res, newFamily) })
	t.Run("input untouched", func(t *testing.T) { inputUntouched(t, call, newFamily) })
	t.Run("parallel", func(t *testing.T) { parallel(t, call, res, newFamily) })
	t.Run("unwanted is untouched", func(t *testing.T) { unwantedUntouched(t, call, res) })
	if len(newFamily().Policies) > 0 {
		t.Run("nothing without policies", func(t *testing.T) { nothingWithoutPolicies(t, call, newFamily) })
	}
}

// run answers the call with an engine of its own.
func run(t *testing.T, f mutator.Family, call *engine.Call) *engine.Result {
	t.Helper()
	e, err := engine.New([]mutator.Family{f})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	for _, o := range res.Outcomes {
		require.NotEqual(t, engine.Panicked, o.Verdict, "%s %s: %v", o.Kind, o.Name, o.Err)
	}
	return res
}

func golden(t *testing.T, path string, res *engine.Result) {
	got := Render(t, res)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, string(want), string(got))
}
