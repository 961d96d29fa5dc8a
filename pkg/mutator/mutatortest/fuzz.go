package mutatortest

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// Fuzz adds arbitrary bytes as a custom resource to the cases in dir, whose own custom resources
// are the seeds: nothing may panic, and the results, including results of the case's later calls,
// must be valid and the same on a second run.
//
//	func FuzzPolicy(f *testing.F) { mutatortest.Fuzz(f, "testdata", hello.New) }
func Fuzz(f *testing.F, dir string, newFeature func() mutator.Feature) {
	var seats []seat
	for _, path := range casesIn(f, dir) {
		c, err := readCase(path)
		require.NoError(f, err)
		require.NoError(f, c.sent(newFeature))
		for i, s := range c.steps {
			for _, o := range s.call.Objects {
				f.Add(len(seats), o)
			}
			seats = append(seats, seat{c, i})
		}
	}
	f.Fuzz(func(t *testing.T, n int, object []byte) {
		steps, err := seats[int(uint(n)%uint(len(seats)))].with(object).answer(t.Context(), newFeature)
		require.NoError(t, err)
		for _, s := range steps {
			require.NoError(t, again(t.Context(), newFeature(), s.call, s.res.Resources))
			require.NoError(t, valid(t.Context(), s.call, s.res, newFeature))
		}
	})
}

// seat is a position for a custom resource: a call of a case.
type seat struct {
	*testCase
	step int
}

// with returns the case with one more custom resource in the call.
func (s seat) with(object []byte) *testCase {
	c := *s.testCase
	c.steps = slices.Clone(c.steps)
	c.steps[s.step].call = clone(c.steps[s.step].call)
	c.steps[s.step].call.Objects = append(c.steps[s.step].call.Objects, object)
	return &c
}
