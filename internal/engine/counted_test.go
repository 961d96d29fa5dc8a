package engine_test

import (
	"context"
	"errors"
	"strconv"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// reportsCount reports the count of "n".
type reportsCount struct{}

func (r reportsCount) Report(in *mutator.Input) []mutator.PolicyOutcome {
	return []mutator.PolicyOutcome{{Policy: &policy.Object{}, Reason: mutator.Overridden, Message: strconv.Itoa(in.Counted("n"))}}
}

func rejectsNothing(*mutator.Input) map[*policy.Object]error { return nil }

// TestCountsOfCopies: each copy of a cluster counts separately, cached or not, and a copy whose
// edit fails does not count.
func TestCountsOfCopies(t *testing.T) {
	counts := func(name string, fails bool) func(*mutator.Input) *mutator.Variant {
		return func(*mutator.Input) *mutator.Variant {
			return &mutator.Variant{Name: name, CacheKey: name, OnFailure: mutator.Ignore, Edit: func(ctx context.Context, c *clusterv3.Cluster) error {
				mutator.Count(ctx, "n", 2)
				mutator.Count(ctx, "n", 1)
				c.AltStatName += name
				if fails {
					return errors.New("broken")
				}
				return nil
			}}
		}
	}
	for name, c := range map[string]struct {
		variants byGateway
		want     string
	}{
		"in place":   {byGateway{"a": counts("p", false), "b": counts("p", false), "z": counts("p", false)}, "3"},
		"two copies": {byGateway{"a": counts("p", false), "b": counts("q", false)}, "6"},
		"one fails":  {byGateway{"a": counts("p", false), "b": counts("q", true)}, "3"},
	} {
		t.Run(name, func(t *testing.T) {
			f := c.variants.feature("counting", mutator.Deny)
			f.Rejects, f.Reporter = rejectsNothing, reportsCount{}
			e, err := engine.New([]mutator.Feature{f}, engine.WithCache(1<<20))
			require.NoError(t, err)
			for range 3 {
				res, err := e.Run(t.Context(), copying(t, [][]byte{encode(t, eds("c"))}))
				require.NoError(t, err)
				require.Equal(t, c.want, res.Policies[0].Message)
			}
		})
	}
}
