package mutator_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// TestDerive calls it from several goroutines, with two keys and for two inputs.
func TestDerive(t *testing.T) {
	type one struct{}
	type two struct{}
	var mu sync.Mutex
	computed := 0
	compute := func(in *mutator.Input) string {
		mu.Lock()
		defer mu.Unlock()
		computed++
		return in.Hostnames[0]
	}
	a, b := &mutator.Input{Hostnames: []string{"a"}}, &mutator.Input{Hostnames: []string{"b"}}
	var g sync.WaitGroup
	for range 10 {
		g.Go(func() {
			assert.Equal(t, "a", mutator.ComputeOnce(a, one{}, compute))
			assert.Equal(t, "a", mutator.ComputeOnce(a, two{}, compute))
			assert.Equal(t, "b", mutator.ComputeOnce(b, one{}, compute))
		})
	}
	g.Wait()
	require.Equal(t, 3, computed)
}
