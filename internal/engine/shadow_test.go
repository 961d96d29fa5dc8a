package engine_test

import (
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// shadowThing returns a policy with the effect Shadow.
func shadowThing(name string) []byte {
	return []byte(strings.Replace(string(agentPolicy(name, "x", 2001)), `"targetRefs"`, `"effect":"Shadow","targetRefs"`, 1))
}

// ofThings returns a feature that edits a cluster if there are policies.
func ofThings(onFailure mutator.FailurePolicy, do func(context.Context, *clusterv3.Cluster) error) mutator.Feature {
	f := agents{}.feature()
	f.Additions, f.FailurePolicy = nil, onFailure
	f.Clusters = planner(func(in *mutator.Input) *mutator.Plan[*clusterv3.Cluster] {
		all := in.Objects.Of(thingKind)
		if len(all) == 0 {
			return nil
		}
		return &mutator.Plan[*clusterv3.Cluster]{Edit: do, CacheKey: new(in.Objects.Digest()), Affected: func(*clusterv3.Cluster) []*policy.Object { return all }}
	})
	return f
}

func shadowCall(t *testing.T, objects ...[]byte) *engine.Call {
	t.Helper()
	return &engine.Call{Hook: mutator.HookTranslation, Objects: objects, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}}}
}

// TestShadowGoesWrong: a failure in the evaluation of a policy with the effect Shadow is in its
// outcome. The response, health and quarantine are the same as without the policy.
func TestShadowGoesWrong(t *testing.T) {
	for name, c := range map[string]struct {
		onFailure mutator.FailurePolicy
		do        func(context.Context, *clusterv3.Cluster) error
		want      string
	}{
		"error":            {mutator.Deny, func(context.Context, *clusterv3.Cluster) error { return errors.New("broken") }, `broken; requests are rejected (Cluster "c")`},
		"that is ignored":  {mutator.Ignore, func(context.Context, *clusterv3.Cluster) error { return errors.New("broken") }, `broken; nothing was changed (Cluster "c")`},
		"of the call":      {mutator.Fail, func(context.Context, *clusterv3.Cluster) error { return errors.New("broken") }, `broken; requests are rejected (Cluster "c")`},
		"panic":            {mutator.Deny, func(context.Context, *clusterv3.Cluster) error { panic("no") }, `panic: no; requests are rejected (Cluster "c")`},
		"of a thing alone": {mutator.Deny, setTimeout, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{ofThings(c.onFailure, c.do)}, engine.WithCache(1<<20))
			require.NoError(t, err)
			call := shadowCall(t, shadowThing("s"))
			for range 2 {
				res, err := runAndExplain(t, e, call)
				require.NoError(t, err)
				require.Equal(t, call.Resources, res.Resources)
				require.Empty(t, res.Outcomes)
				require.Empty(t, res.Warnings)
				require.Len(t, res.Policies, 1)
				require.Equal(t, mutator.Shadow, res.Policies[0].Reason)
				if c.want == "" {
					require.Equal(t, mutator.Programmed, res.Policies[0].Enforced, res.Policies[0].Message)
					require.Equal(t, "changes nothing; if it were enforced, it would be Programmed: is in effect", res.Policies[0].Message)
				} else {
					message := strings.Replace(res.Policies[0].Message, "quarantined: ", "", 1) // in the second run
					require.Equal(t, "changes nothing; if it were enforced, it would be ApplyFailed: "+c.want, message)
				}
			}
			require.NoError(t, e.Health())
			require.Zero(t, e.Quarantined())
		})
	}
}

// TestShadowHangs: a Plan that hangs takes a quarter of the call's time, and no time once too many
// hang.
func TestShadowHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		f := ofThings(mutator.Deny, setTimeout)
		f.Clusters = planner(func(in *mutator.Input) *mutator.Plan[*clusterv3.Cluster] {
			if len(in.Objects.Of(thingKind)) > 1 {
				<-release
			}
			return &mutator.Plan[*clusterv3.Cluster]{Edit: setTimeout}
		})
		e, err := engine.New([]mutator.Feature{f})
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		begin := time.Now()
		res, err := e.Run(ctx, shadowCall(t, agentPolicy("a", "x", 2001), shadowThing("s")))
		require.NoError(t, err)
		require.Equal(t, 2*time.Second, time.Since(begin))
		require.Equal(t, []engine.Result{engine.Applied}, verdicts(res))
		require.Len(t, res.Warnings, 1)
		require.EqualError(t, res.Warnings[0], "policies with the effect Shadow are not evaluated: timed out after 2s")
		require.NoError(t, e.Health())
		for range 10 {
			_, err = e.Run(t.Context(), shadowCall(t, agentPolicy("a", "x", 2001), shadowThing("s")))
			require.NoError(t, err)
		}
		require.Less(t, time.Since(begin), time.Minute)
		close(release)
		synctest.Wait()
	})
}

// TestShadowTooLarge: the Route hook reports a policy that does not fit into the metadata of a
// route.
func TestShadowTooLarge(t *testing.T) {
	random := make([]byte, 4500)
	for i := range random {
		random[i] = byte(rand.IntN(256)) //nolint:gosec // incompressible
	}
	for name, size := range map[string]int{"small": 10, "large": len(random)} {
		t.Run(name, func(t *testing.T) {
			f := agents{}.feature()
			f.Additions, f.Clusters, f.Hooks = nil, nil, []mutator.Hook{mutator.HookRoute}
			f.Routes = mutator.Func[*routev3.Route]{
				When: func(in *mutator.Input, _ mutator.View) bool { return len(in.Objects.Of(thingKind)) > 0 },
				Do: func(_ context.Context, _ *mutator.Input, r *routev3.Route) error {
					r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), xds.MetadataEntry{Key: f.Name, Value: "state"})
					return nil
				},
			}
			e, err := engine.New([]mutator.Feature{f}, engine.WithCache(1<<20))
			require.NoError(t, err)
			route := &routev3.Route{Name: "r", StatPrefix: base64.StdEncoding.EncodeToString(random[:size]), Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}
			call := &engine.Call{Hook: mutator.HookRoute, Objects: [][]byte{shadowThing("s")}, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{encode(t, route)}}}}
			for range 2 {
				res, err := e.Run(t.Context(), call)
				require.NoError(t, err)
				got := decoded(t, &routev3.Route{}, res.Resources[0].Encoded[0]).(*routev3.Route)
				require.Empty(t, xds.MetadataEntries(got.GetMetadata()))
				require.Equal(t, size == 10, xds.ShadowEntry(got.GetMetadata()) != "")
				require.Equal(t, mutator.Programmed, res.Policies[0].Enforced, res.Policies[0].Message)
				if size > 10 {
					require.Equal(t, "changes nothing, and is not evaluated: the metadata of the route exceeds the limit with this policy: use shorter or fewer values", res.Policies[1].Message)
				}
			}
		})
	}
}

// TestExplainShadow: the effects that policies with the effect Shadow would have are listed after
// the actual ones.
func TestExplainShadow(t *testing.T) {
	e, err := engine.New([]mutator.Feature{ofThings(mutator.Deny, setTimeout), other()})
	require.NoError(t, err)
	_, effects, err := e.Explain(t.Context(), shadowCall(t, shadowThing("s")))
	require.NoError(t, err)
	require.Equal(t, []string{`other applied Cluster "c"`, `agents applied Cluster "c" for s`}, told(effects))
	require.False(t, effects[0].Shadow)
	require.True(t, effects[1].Shadow)
}
