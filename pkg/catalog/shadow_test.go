package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

const isShadow = `,"effect":"Shadow"`

// shadowTargets returns targets of each specificity.
func shadowTargets(kind string) map[string]string {
	all := map[string]string{"Gateway": gatewayRef("eg", ""), "listener": gatewayRef("eg", "http"), "nowhere": gatewayRef("nowhere", "")}
	if !slices.Contains(gatewaysOnly, kind) {
		all["route"], all["rule"] = routeRef("route-http", ""), routeRef("route-http", "rule")
	}
	return all
}

// TestShadowChangesNothing has a policy with the effect Shadow next to an enforced one, with each
// target, older and newer, valid and invalid. Configuration and outcome of the enforced policy are
// the same as without the other policy, and the outcome of the other contains the reason that it
// has when enforced.
func TestShadowChangesNothing(t *testing.T) {
	cached, err := engine.New(catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}), engine.WithCache(64<<20))
	require.NoError(t, err)
	years := []int{2020, 2030}
	if testing.Short() {
		years = years[:1]
		t.Run("policies that are newer than others", func(t *testing.T) { t.Skip("with -short: they take a quarter of a minute") })
	}
	for _, kind := range policyKinds(t) {
		targets := shadowTargets(kind)
		for _, target := range slices.Sorted(maps.Keys(targets)) {
			for _, other := range append(slices.Sorted(maps.Keys(targets)), "") {
				for _, year := range years {
					for _, more := range []string{"", `,"wrong":true`, `,"wrong":true,"failurePolicy":"Deny"`} {
						if kind != "BufferPolicy" && more == `,"wrong":true,"failurePolicy":"Deny"` {
							continue
						}
						t.Run(fmt.Sprint(kind, "/", target, "/", other, "/", year, more), func(t *testing.T) {
							var alone []attachment
							if other != "" {
								alone = []attachment{{refs: []string{targets[other]}}}
							}
							own := attachment{refs: []string{targets[target]}, year: year, more: more}
							shadow := own
							shadow.more += isShadow
							for _, e := range []*engine.Engine{builtin(t), cached, cached} {
								requireShadow(t, e, kind, alone, own, shadow)
							}
						})
					}
				}
			}
		}
	}
}

func requireShadow(t *testing.T, e *engine.Engine, kind string, alone []attachment, own, shadow attachment) {
	t.Helper()
	want, wantOutcomes := translateFleet(t, e, kind, alone...)
	got, outcomes := translateFleet(t, e, kind, append(slices.Clone(alone), shadow)...)
	requireEqual(t, want.Resources, got.Resources)
	_, enforced := translateFleet(t, e, kind, append(slices.Clone(alone), own)...)
	is := func(p mutator.PolicyOutcome) bool { return p.Policy.Name == fmt.Sprint("policy-", len(alone)+1) }
	require.Equal(t, told(wantOutcomes), told(slices.DeleteFunc(slices.Clone(outcomes), is)))

	var would, will []mutator.Reason
	for _, p := range outcomes {
		if is(p) {
			require.Equal(t, mutator.Shadow, p.Reason)
			require.True(t, p.Policy.Shadow)
			would = append(would, p.Enforced)
		}
	}
	for _, p := range enforced {
		if is(p) {
			will = append(will, p.Reason)
		}
	}
	require.NotEmpty(t, will)
	require.Equal(t, will, would)
}

func told(outcomes []mutator.PolicyOutcome) (all []string) {
	for _, p := range outcomes {
		all = append(all, p.Policy.String()+": "+string(p.Reason)+": "+p.Message)
	}
	return all
}

// requireEqual compares decoded resources: egraft encodes resources again when it removes metadata.
func requireEqual(t *testing.T, want, got []engine.Resources) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Len(t, got[i].Encoded, len(want[i].Encoded), want[i].Kind)
		for j := range want[i].Encoded {
			a, err := callfile.Decode(want[i].Kind, want[i].Encoded[j])
			require.NoError(t, err)
			b, err := callfile.Decode(want[i].Kind, got[i].Encoded[j])
			require.NoError(t, err)
			require.True(t, proto.Equal(a, b), "%s %d differs:\n%v\n%v", want[i].Kind, j, a, b)
		}
	}
}
