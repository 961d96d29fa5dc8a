package mutatortest

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// Fuzz feeds arbitrary bytes as a custom resource into the cases in dir, whose own custom
// resources are the seeds: nothing may panic, and what comes out is valid and the same on
// a second run.
//
//	func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", hello.New) }
func Fuzz(f *testing.F, dir string, newFamily func() mutator.Family) {
	cases, err := filepath.Glob(filepath.Join(dir, "*", "in.yaml"))
	require.NoError(f, err)
	require.NotEmpty(f, cases)
	var calls []*engine.Call
	for i, path := range cases {
		call, err := ReadCall(path)
		require.NoError(f, err)
		calls = append(calls, call)
		for _, o := range call.Objects {
			f.Add(i, o)
		}
	}
	f.Fuzz(func(t *testing.T, n int, object []byte) {
		call := clone(calls[int(uint(n)%uint(len(calls)))])
		call.Objects = append(call.Objects, object)
		res, err := answer(t.Context(), newFamily(), call)
		require.NoError(t, err)
		require.NoError(t, again(t.Context(), newFamily(), call, res.Resources))
		require.NoError(t, valid(t.Context(), call, res, newFamily))
	})
}
