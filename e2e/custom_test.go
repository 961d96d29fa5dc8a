//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// customMutator is the program of examples/custom-mutator.
const customMutator parts.Name = "custom-mutator"

// TestCustomMutator runs the example in place of egraft: its mutator works, and so does the
// built-in one.
func TestCustomMutator(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Program: customMutator})
	f.routes(echoRoute)
	f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
	response := f.get(echoRoute.Host(), "/")
	require.Equal(t, "default/eg", response.Header.Get("x-gateway"))
	require.True(t, seesEnvoy(response))
	f.healthy(f.soon())
}
