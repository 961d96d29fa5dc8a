package mutatortest

import (
	"bytes"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

func valid(t *testing.T, res *engine.Result) {
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			require.NoError(t, decode(t, list.Kind, raw).ValidateAll())
		}
	}
}

func repeatable(t *testing.T, call *engine.Call, want *engine.Result, newFamily func() mutator.Family) {
	f := newFamily()
	for range 20 { // maps are ranged over in another order each time
		require.Equal(t, want.Resources, run(t, f, call).Resources)
	}
}

func shuffled(t *testing.T, call *engine.Call, want *engine.Result, newFamily func() mutator.Family) {
	other := *call
	for range call.Objects {
		first := other.Objects[0]
		other.Objects = append(slices.Clone(other.Objects[1:]), first)
		require.Equal(t, want.Resources, run(t, newFamily(), &other).Resources)
	}
	other.Objects = slices.Clone(call.Objects)
	slices.Reverse(other.Objects)
	require.Equal(t, want.Resources, run(t, newFamily(), &other).Resources)
}

func idempotent(t *testing.T, call *engine.Call, first *engine.Result, newFamily func() mutator.Family) {
	again := *call
	again.Resources = first.Resources
	second := run(t, newFamily(), &again)
	require.Equal(t, first.Resources, second.Resources, "a second pass over the result changed it")
}

func inputUntouched(t *testing.T, call *engine.Call, newFamily func() mutator.Family) {
	before := clone(call)
	run(t, newFamily(), call)
	require.Equal(t, before, call)
}

func parallel(t *testing.T, call *engine.Call, want *engine.Result, newFamily func() mutator.Family) {
	e, err := engine.New([]mutator.Family{newFamily()})
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			res, err := e.Run(t.Context(), call)
			if assert.NoError(t, err) {
				assert.Equal(t, want.Resources, res.Resources)
			}
		})
	}
	wg.Wait()
}

// unwantedUntouched requires the bytes of every resource without an outcome to have come
// through. Route configurations lose egraft's marks, which is the engine's doing.
func unwantedUntouched(t *testing.T, call *engine.Call, res *engine.Result) {
	touched := map[string]bool{}
	for _, o := range res.Outcomes {
		touched[string(o.Kind)+"/"+o.Name] = true
	}
	for i, list := range call.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			continue
		}
		for j, raw := range list.Encoded {
			name := nameOf(t, list.Kind, raw)
			if !touched[string(list.Kind)+"/"+name] {
				require.True(t, bytes.Equal(raw, res.Resources[i].Encoded[j]), "%s %q has no outcome but was changed", list.Kind, name)
			}
		}
	}
}

func nothingWithoutPolicies(t *testing.T, call *engine.Call, newFamily func() mutator.Family) {
	bare := clone(call)
	bare.Objects = nil
	for i, list := range bare.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			for j := range list.Encoded {
				bare.Resources[i].Encoded[j] = unmarked(t, list.Encoded[j])
			}
		}
	}
	require.Equal(t, bare.Resources, run(t, newFamily(), bare).Resources)
}

func clone(call *engine.Call) *engine.Call {
	c := *call
	c.Objects = cloneBytes(call.Objects)
	c.Hostnames = slices.Clone(call.Hostnames)
	c.Resources = slices.Clone(call.Resources)
	for i := range c.Resources {
		c.Resources[i].Encoded = cloneBytes(c.Resources[i].Encoded)
	}
	return &c
}

func cloneBytes(in [][]byte) [][]byte {
	if in == nil {
		return nil
	}
	out := make([][]byte, len(in))
	for i := range in {
		out[i] = bytes.Clone(in[i])
	}
	return out
}
