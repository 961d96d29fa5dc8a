// Package mutatortest tells whether a mutator family keeps the contract of package
// mutator. One call in the family's test does it:
//
//	func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", hello.New) }
//
// Every folder of testdata is a case: in.yaml is a call of Envoy Gateway, out.yaml the
// expected result, written with -update. For each case the kit checks the result, and that
// it is valid, that it is the same bytes on every run, whatever the order of the custom
// resources, whatever the API server and Envoy Gateway write into their metadata and status, and
// however many calls run at once, that a second pass over it changes nothing,
// that an engine that remembers gives the same answers, whatever it was asked before, that
// the input is left as it was, and that what the mutators did not want is byte for
// byte what came in. A family that reads policies has to leave everything as it came when
// there are none.
package mutatortest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
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
	var calls []*engine.Call
	for _, in := range cases {
		folder := filepath.Dir(in)
		t.Run(filepath.Base(folder), func(t *testing.T) { calls = append(calls, runCase(t, folder, newFamily)) })
	}
	t.Run("all cases from one memory", func(t *testing.T) {
		require.NoError(t, rememberedAlike(t.Context(), calls, newFamily))
	})
}

func runCase(t *testing.T, folder string, newFamily func() mutator.Family) *engine.Call {
	call, err := ReadCall(filepath.Join(folder, "in.yaml"))
	require.NoError(t, err)
	res, err := answer(t.Context(), newFamily(), call)
	require.NoError(t, err)
	t.Run("golden", func(t *testing.T) { golden(t, filepath.Join(folder, "out.yaml"), res) })
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) { require.NoError(t, c.run(t.Context(), call, res, newFamily)) })
	}
	return call
}

// answer runs the call in an engine of its own. A panic is an error here, although the
// engine contains it.
func answer(ctx context.Context, f mutator.Family, call *engine.Call) (*engine.Result, error) {
	e, err := engine.New([]mutator.Family{f})
	if err != nil {
		return nil, err
	}
	res, err := e.Run(ctx, call)
	if err != nil {
		return nil, err
	}
	for _, o := range res.Outcomes {
		if o.Verdict == engine.Panicked {
			return nil, fmt.Errorf("%s %q: %w", o.Kind, o.Name, o.Err)
		}
	}
	return res, nil
}

func golden(t *testing.T, path string, res *engine.Result) {
	t.Helper()
	got, err := Render(res)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "run the test with -update to write it")
	require.Equal(t, string(want), string(got))
}
