package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestWhatCameBroken: received faults are passed on and reported once.
func TestWhatCameBroken(t *testing.T) {
	for name, c := range map[string]struct {
		routes   proto.Message
		warnings []string
	}{
		"fine":          {leading(configuration("x.com", "y.com"), "there"), nil},
		"domain twice":  {configuration("x.com", "y.com X.com"), []string{`received route configuration "rc" with the domain "x.com" twice, which Envoy rejects; it is passed on`}},
		"several twice": {configuration("x.com y.com", "y.com X.com"), []string{`received route configuration "rc" with the domain "x.com" and 1 more twice, which Envoy rejects; it is passed on`}},
		"leads nowhere": {leading(configuration("x.com"), "nowhere"), []string{`received route configuration "rc" with routes to the cluster "nowhere", not in the translation; it is passed on`}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, Reporter: says{}}}, engine.WithCache(1<<20))
			require.NoError(t, err)
			call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
				{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("there"))}},
				{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, c.routes)}},
			}}
			for range 2 {
				res, err := runAndExplain(t, e, call)
				require.NoError(t, err)
				require.Equal(t, call.Resources, res.Resources)
				var said []string
				for _, w := range res.Warnings {
					said = append(said, w.Error())
				}
				require.Equal(t, c.warnings, said)
				c.warnings = nil // reported once
			}
		})
	}
}
