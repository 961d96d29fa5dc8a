package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// byGateway has the variants of a feature by the Gateway of a way's listener.
type byGateway map[string]func(in *mutator.Input) *mutator.Variant

// PlanVariant implements [mutator.ClusterVariants].
func (v byGateway) PlanVariant(in *mutator.Input, way *xds.Way) *mutator.Variant {
	gateway := ""
	if way != nil {
		gateway = way.Listeners[0].Name
	}
	if of := v[gateway]; of != nil {
		return of(in)
	}
	return nil
}

func (v byGateway) feature(name string, onFailure mutator.FailurePolicy) mutator.Feature {
	return mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, FailurePolicy: onFailure, ClusterVariants: v}
}

// appends returns a variant that appends its name to a cluster's name in statistics.
func appends(name string) func(*mutator.Input) *mutator.Variant {
	return func(*mutator.Input) *mutator.Variant {
		return &mutator.Variant{Name: name, CacheKey: name, Edit: func(_ context.Context, c *clusterv3.Cluster) error {
			c.AltStatName += name
			return nil
		}}
	}
}

// gateways returns a route configuration with a virtual host for each Gateway. Its route leads to
// the cluster that follows the Gateway's name.
func gateways(t *testing.T, leads ...[2]string) *routev3.RouteConfiguration {
	t.Helper()
	rc := &routev3.RouteConfiguration{Name: "rc"}
	for i, l := range leads {
		rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{
			Name: fmt.Sprint("host ", i), Domains: []string{fmt.Sprint("host", i)},
			Metadata: madeOf(t, "Gateway", l[0]),
			Routes: []*routev3.Route{{Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: l[1]},
			}}}},
		})
	}
	return rc
}

// madeOf returns the metadata that Envoy Gateway sets for an object.
func madeOf(t *testing.T, kind, name string) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": kind, "namespace": "ns", "name": name}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}

// ledTo returns the clusters of the routes of a route configuration, or "denied" for a denied
// route.
func ledTo(t *testing.T, raw []byte) (to []string) {
	t.Helper()
	rc := decoded(t, &routev3.RouteConfiguration{}, raw).(*routev3.RouteConfiguration)
	for _, vh := range rc.GetVirtualHosts() {
		r := vh.GetRoutes()[0]
		if r.GetDirectResponse() != nil {
			to = append(to, "denied")
			continue
		}
		to = append(to, r.GetRoute().GetCluster())
	}
	return to
}

// newCopier returns an engine with a feature that has a variant for the policy a, with a valid
// edit, and one for the policy b, with the edit do.
func newCopier(t *testing.T, cacheSize int64, do func(*clusterv3.Cluster) error, change func(b *mutator.Variant)) *engine.Engine {
	t.Helper()
	variant := func(i int) func(in *mutator.Input) *mutator.Variant {
		return func(in *mutator.Input) *mutator.Variant {
			all := in.Objects.Of(thingKind)
			o := all[min(i, len(all)-1)]
			v := &mutator.Variant{Name: o.Name, Policies: []*policy.Object{o}, Edit: func(_ context.Context, c *clusterv3.Cluster) error {
				c.AltStatName = "of " + o.Name
				return nil
			}}
			if o.Name == "b" {
				v.Edit = func(ctx context.Context, c *clusterv3.Cluster) error {
					return edited(func() error { return do(c) })(ctx, c)
				}
				change(v)
			}
			return v
		}
	}
	f := byGateway{"a": variant(0), "b": variant(1)}.feature("copier", mutator.Deny)
	f.Policies, f.Reporter = []policy.Kind{policy.NewKind[map[string]any](thingKind, nil)}, agents{}
	e, err := engine.New([]mutator.Feature{f}, engine.WithCache(cacheSize))
	require.NoError(t, err)
	return e
}

// copyFor returns the name of the copier's copy for a policy.
func copyFor(policy, cluster string) string { return xds.CopyName("copier", policy, cluster) }

// copyOf returns the expected copy of a cluster.
func copyOf(c *clusterv3.Cluster, name, stat string) *clusterv3.Cluster {
	c = proto.CloneOf(c)
	if c.EdsClusterConfig != nil && c.EdsClusterConfig.ServiceName == "" {
		c.EdsClusterConfig.ServiceName = c.Name
	}
	c.Name, c.AltStatName = name, stat
	return c
}

// TestCopies has copies of a cluster for two policies. Failures of the second one do not affect the
// first one.
func TestCopies(t *testing.T) {
	anonymous, named, static := eds("c"), eds("c"), &clusterv3.Cluster{Name: "c"}
	anonymous.EdsClusterConfig.ServiceName = ""
	named.EdsClusterConfig.ServiceName = "other"
	second := &clusterv3.Cluster{Name: "c", RespectDnsTtl: true}
	a, b := copyFor("a", "c"), copyFor("b", "c")
	similar, taken := &clusterv3.Cluster{Name: b[:len(b)-1]}, &clusterv3.Cluster{Name: b, RespectDnsTtl: true}
	fine := func(c *clusterv3.Cluster) error { c.AltStatName = "of b"; return nil }
	as := func(*mutator.Variant) {}
	ignore := func(b *mutator.Variant) { b.OnFailure = mutator.Ignore }
	rejected := fmt.Sprintf("; requests are rejected (Cluster %q)", b)
	foreign := func(c *clusterv3.Cluster) error {
		c.Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "Other.example.com", Value: "x"})
		return nil
	}
	for name, c := range map[string]struct {
		there    []*clusterv3.Cluster
		do       func(*clusterv3.Cluster) error
		change   func(*mutator.Variant)
		want     *clusterv3.Cluster // the copy for b
		verdicts []engine.Result    // for the copy
		err      string             // for the copy
		report   string             // of the policy b; empty if it is programmed
	}{
		"no service name":   {[]*clusterv3.Cluster{anonymous, similar, second}, fine, as, copyOf(anonymous, b, "of b"), []engine.Result{engine.Added}, "", ""},
		"service name":      {[]*clusterv3.Cluster{named}, fine, as, copyOf(named, b, "of b"), []engine.Result{engine.Added}, "", ""},
		"no service":        {[]*clusterv3.Cluster{static}, fine, as, copyOf(static, b, "of b"), []engine.Result{engine.Added}, "", ""},
		"first of its name": {[]*clusterv3.Cluster{named, second}, fine, as, copyOf(named, b, "of b"), []engine.Result{engine.Added}, "", ""},
		"error":             {[]*clusterv3.Cluster{anonymous}, func(*clusterv3.Cluster) error { return errors.New("broken") }, as, denied(t, copyOf(anonymous, b, "")), []engine.Result{engine.Denied}, "broken", "broken" + rejected},
		"ignored error":     {[]*clusterv3.Cluster{anonymous}, func(*clusterv3.Cluster) error { return errors.New("broken") }, ignore, copyOf(anonymous, b, ""), []engine.Result{engine.Added, engine.Ignored}, "broken", fmt.Sprintf("broken; nothing was changed (Cluster %q)", b)},
		"panic":             {[]*clusterv3.Cluster{anonymous}, func(*clusterv3.Cluster) error { panic("no") }, as, denied(t, copyOf(anonymous, b, "")), []engine.Result{engine.Denied, engine.Panicked}, "panic: no", "panic: no" + rejected},
		"invalid":           {[]*clusterv3.Cluster{anonymous}, func(c *clusterv3.Cluster) error { c.LbPolicy = -1; return nil }, as, denied(t, copyOf(anonymous, b, "")), []engine.Result{engine.Denied}, "the result is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values", "the result is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values" + rejected},
		"renamed":           {[]*clusterv3.Cluster{anonymous}, func(c *clusterv3.Cluster) error { c.Name = "c"; return nil }, as, denied(t, copyOf(anonymous, b, "")), []engine.Result{engine.Denied}, `was renamed to "c"`, `was renamed to "c"` + rejected},
		"foreign mark":      {[]*clusterv3.Cluster{anonymous}, foreign, as, denied(t, copyOf(anonymous, b, "")), []engine.Result{engine.Denied}, `changed "Other.example.com" in the metadata egraft.io, which belongs to another feature; the feature's own keys are copier, Thing.example.com`, `changed "Other.example.com" in the metadata egraft.io, which belongs to another feature; the feature's own keys are copier, Thing.example.com` + rejected},
		"name of another":   {[]*clusterv3.Cluster{anonymous, taken}, fine, as, nil, []engine.Result{engine.NameConflict}, fmt.Sprintf("Cluster %q already exists and is unmodified", b), fmt.Sprintf("Cluster %q already exists and is unmodified; nothing was changed (Cluster %q)", b, b)},
	} {
		for _, cacheSize := range []int64{0, 1 << 20} {
			t.Run(fmt.Sprint(name, "/", cacheSize), func(t *testing.T) {
				e := newCopier(t, cacheSize, c.do, c.change)
				there := make([][]byte, 0, len(c.there)+2) // with spare capacity
				for _, m := range c.there {
					there = append(there, encode(t, m))
				}
				for range 3 { // again from the cache
					res, err := runAndExplain(t, e, copying(t, there, "a", "b"))
					require.NoError(t, err)
					want := append([]*clusterv3.Cluster{}, c.there...)
					want = append(want, copyOf(c.there[0], a, "of a"))
					if c.want != nil {
						want = append(want, c.want)
					}
					require.Len(t, res.Resources[0].Encoded, len(want))
					for i, raw := range res.Resources[0].Encoded {
						found := decoded(t, want[i], raw)
						require.True(t, proto.Equal(want[i], found), "%v", found)
					}
					require.Nil(t, there[:len(there)+1][len(there)], "the call is not written to")
					require.Equal(t, append([]engine.Result{engine.Applied, engine.Added}, c.verdicts...), verdicts(res))
					require.Equal(t, a, res.Outcomes[1].Name)
					for _, o := range res.Outcomes[2:] {
						require.Equal(t, "copier", o.Feature)
						if c.err == "" || o.Result == engine.Added {
							require.NoError(t, o.Err)
						} else {
							require.EqualError(t, o.Err, c.err)
						}
					}
					require.Equal(t, []string{a, b, "c"}, ledTo(t, res.Resources[1].Encoded[0]))
					requireReport(t, res, c.report)
				}
			})
		}
	}
}

// copying returns a translation with routes of the Gateways of two policies, and of another
// Gateway, to the cluster c.
func copying(t *testing.T, clusters [][]byte, policies ...string) *engine.Call {
	t.Helper()
	call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: clusters},
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, [2]string{"a", "c"}, [2]string{"b", "c"}, [2]string{"z", "c"}))}},
	}}
	for i, p := range policies {
		call.Objects = append(call.Objects, agentPolicy(p, "x", 2001+i))
	}
	return call
}

// requireReport requires that the policy a is programmed, and so is the policy b unless failed is
// set.
func requireReport(t *testing.T, res *engine.Response, failed string) {
	t.Helper()
	require.Len(t, res.Policies, 2)
	for _, p := range res.Policies {
		if p.Policy.Name == "b" && failed != "" {
			require.Equal(t, mutator.ApplyFailed, p.Reason)
			require.Equal(t, failed, p.Message)
			continue
		}
		require.Equal(t, mutator.Programmed, p.Reason, p.Policy.Name)
	}
}

// TestCopyOfWhatCannotBeDecoded: a cluster that cannot be decoded has no copy.
func TestCopyOfWhatCannotBeDecoded(t *testing.T) {
	e := newCopier(t, 0, func(*clusterv3.Cluster) error { return nil }, func(*mutator.Variant) {})
	there := [][]byte{[]byte("\x0a\x01c\xff\xff\xff")}
	res, err := runAndExplain(t, e, copying(t, there, "a", "b"))
	require.NoError(t, err)
	require.Equal(t, there, res.Resources[0].Encoded)
	require.Equal(t, []engine.Result{engine.Applied, engine.Denied, engine.Denied}, verdicts(res))
	require.ErrorContains(t, res.Outcomes[1].Err, "decode: ")
}

// TestCopyOfNothing: a missing cluster has no copy, and Envoy rejects the requests of its routes.
func TestCopyOfNothing(t *testing.T) {
	e := newCopier(t, 0, func(*clusterv3.Cluster) error { return nil }, func(*mutator.Variant) {})
	there := [][]byte{encode(t, eds("d"))}
	res, err := runAndExplain(t, e, copying(t, there, "a", "b"))
	require.NoError(t, err)
	require.Equal(t, there, res.Resources[0].Encoded)
	require.Equal(t, []string{copyFor("a", "c"), copyFor("b", "c"), "c"}, ledTo(t, res.Resources[1].Encoded[0]))
	require.Equal(t, []engine.Result{engine.Applied}, verdicts(res))
}

// TestCopiesAreEditedOnce: copies are cached while the cluster and the key stay the same. Failures
// are retried.
func TestCopiesAreEditedOnce(t *testing.T) {
	runs, fails := 0, false
	do := func(c *clusterv3.Cluster) error {
		if runs++; fails {
			return errors.New("broken")
		}
		c.AltStatName = fmt.Sprint("run ", runs)
		return nil
	}
	e := newCopier(t, 1<<20, do, func(b *mutator.Variant) { b.CacheKey = b.Policies[0].Digest() })
	send := func(year int, c *clusterv3.Cluster) *clusterv3.Cluster {
		t.Helper()
		call := copying(t, [][]byte{encode(t, c)}, "a")
		call.Objects = append(call.Objects, agentPolicy("b", "x", year))
		res, err := e.Run(t.Context(), call)
		require.NoError(t, err)
		return decoded(t, c, res.Resources[0].Encoded[2]).(*clusterv3.Cluster)
	}
	c := eds("c")
	for range 2 {
		require.Equal(t, "run 1", send(2002, c).GetAltStatName())
	}
	require.Equal(t, "run 2", send(2003, c).GetAltStatName())
	c.RespectDnsTtl = true
	require.Equal(t, "run 3", send(2003, c).GetAltStatName())
	fails = true
	require.Equal(t, clusterv3.Cluster_STATIC, send(2004, c).GetType())
	fails = false
	require.Equal(t, "run 5", send(2004, c).GetAltStatName())
	require.Equal(t, "run 5", send(2004, c).GetAltStatName())
}

// TestTooManyCopies: copies of the oldest policies up to the limit are added, whatever the order of
// the routes, and the others are reported.
func TestTooManyCopies(t *testing.T) {
	const limit = 10_000
	call := &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001), agentPolicy("b", "x", 2002)}}
	var leads [][2]string
	var clusters [][]byte
	for i := range limit + 2 {
		name := fmt.Sprint("service/ns/", i)
		clusters = append(clusters, encode(t, eds(name)))
		gateway := "a"
		if i < 2 {
			gateway = "b"
		}
		leads = append(leads, [2]string{gateway, name})
	}
	call.Resources = []engine.Resources{{Kind: mutator.KindCluster, Encoded: clusters}, {Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, gateways(t, leads...))}}}
	res, err := newCopier(t, 0, func(*clusterv3.Cluster) error { return nil }, func(*mutator.Variant) {}).Run(t.Context(), call)
	require.NoError(t, err)
	require.Len(t, res.Resources[0].Encoded, 2*limit+2)
	for i, o := range res.Outcomes[1:] {
		if i < limit {
			require.Equal(t, engine.Added, o.Result)
			continue
		}
		require.Equal(t, engine.Denied, o.Result)
		require.EqualError(t, o.Err, "is one of 10002 copies of clusters; only 10000 are added")
	}
	requireReport(t, res, fmt.Sprintf("is one of 10002 copies of clusters; only 10000 are added; requests are rejected (Cluster %q)", copyFor("b", "service/ns/0")))
}
