// Package mutatortest checks whether a feature keeps the contract of package mutator. One call in
// the feature's test does it:
//
//	func TestConformance(t *testing.T) { mutatortest.Run(t, "testdata", hello.New) }
//
// Every folder of testdata is a case: in.yaml is one call of Envoy Gateway or several, out.yaml the
// expected result, written with -update. README.md describes the fields. For each call the kit
// checks the result, and that
//   - Envoy Gateway makes the call when it is configured for the feature alone;
//   - the call has an effect, unless the case expects none;
//   - the result is valid, and the same bytes on every run, for any order of the custom
//     resources, with whatever the API server and Envoy Gateway write into their metadata and
//     status, and with any number of concurrent calls;
//   - a second pass over the result changes nothing, and the input is unmodified;
//   - an engine with a cache gives the same results, whatever calls it served before;
//   - resources that no mutator edits are returned byte for byte, and so is everything if the
//     feature reads policies and there are none.
//
// The kit knows all messages of Envoy's and xDS's API in in.yaml. Import the Go packages of
// messages of Envoy's contrib extensions, and of the feature's own messages, in the test.
package mutatortest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

var update = flag.Bool("update", false, "write out.yaml of mutator cases")

// Run checks the feature on every case in dir. It calls newFeature for each engine, to detect state
// that a feature keeps between engines.
func Run(t *testing.T, dir string, newFeature func() mutator.Feature) {
	t.Helper()
	var calls []*engine.Call
	for _, in := range casesIn(t, dir) {
		t.Run(filepath.Base(filepath.Dir(in)), func(t *testing.T) { calls = append(calls, runCase(t, in, newFeature)...) })
	}
	t.Run("all cases from one memory", func(t *testing.T) {
		require.NoError(t, rememberedAlike(t.Context(), calls, newFeature), "%s: %s", dir, fromMemory)
	})
}

func casesIn(t testing.TB, dir string) []string {
	t.Helper()
	cases, err := filepath.Glob(filepath.Join(dir, "*", "in.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, cases, "there is no %s", filepath.Join(dir, "*", "in.yaml"))
	return cases
}

func runCase(t *testing.T, in string, newFeature func() mutator.Feature) (calls []*engine.Call) {
	c, steps, err := load(t.Context(), in, newFeature)
	require.NoError(t, err)
	t.Run("golden", func(t *testing.T) { golden(t, filepath.Join(filepath.Dir(in), "out.yaml"), c.several, steps) })
	for _, s := range steps {
		calls = append(calls, s.call)
		t.Run(s.name(), func(t *testing.T) { s.check(t, in, newFeature) })
	}
	return calls
}

// load reads a case and makes its calls. A case with a call that Envoy Gateway would not make, or
// with an unexpected lack of effect, is an error.
func load(ctx context.Context, in string, newFeature func() mutator.Feature) (*testCase, []result, error) {
	c, err := readCase(in)
	if err != nil {
		return nil, nil, err
	}
	if err := c.sent(newFeature); err != nil {
		return nil, nil, err
	}
	steps, err := c.answer(ctx, newFeature)
	if err != nil {
		return nil, nil, err
	}
	for _, s := range steps {
		if err := s.happened(); err != nil {
			return nil, nil, fmt.Errorf("%s: %s: %w", in, s.name(), err)
		}
	}
	return c, steps, nil
}

func (s *result) check(t *testing.T, in string, newFeature func() mutator.Feature) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			require.NoError(t, c.run(t.Context(), s.call, s.res, newFeature), "%s: %s: %s", in, s.name(), c.remedy)
		})
	}
}

// answer runs the call in its own engine. A panic is an error here, although the engine recovers
// it: in a mutator, in the validation of a custom resource, and in a reporter.
func answer(ctx context.Context, f mutator.Feature, call *engine.Call) (*engine.Response, error) {
	e, err := engine.New([]mutator.Feature{f})
	if err != nil {
		return nil, err
	}
	res, err := e.Run(ctx, call)
	if err != nil {
		return nil, err
	}
	for _, o := range res.Outcomes {
		if o.Result == engine.Panicked {
			return nil, fmt.Errorf("%s %q: %w", o.Kind, o.Name, withStack(o.Err))
		}
	}
	for _, err := range res.Warnings {
		if stacked := withStack(err); stacked != err { //nolint:errorlint // whether it is another one
			return nil, stacked
		}
	}
	return res, nil
}

// withStack adds the stack to the error of a panic.
func withStack(err error) error {
	if p := (*sandbox.PanicError)(nil); errors.As(err, &p) {
		return fmt.Errorf("%w\n%s", err, p.Stack)
	}
	return err
}

// golden compares the results of a case with out.yaml, or writes it.
func golden(t *testing.T, path string, several bool, steps []result) {
	t.Helper()
	got, err := render(several, steps)
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(path, got, 0o644))
		return
	}
	const remedy = "run the test with -update, which writes the file, and review its git diff: it shows what the feature does now"
	want, err := os.ReadFile(path)
	require.NoError(t, err, remedy)
	require.Equal(t, string(want), string(got), "%s differs: %s", path, remedy)
}

func render(several bool, steps []result) ([]byte, error) {
	if !several {
		return Render(steps[0].res)
	}
	var f callfile.Results
	for _, s := range steps {
		r, err := callfile.NewResult(s.res)
		if err != nil {
			return nil, err
		}
		f.Calls = append(f.Calls, r)
	}
	return yaml.Marshal(f)
}
