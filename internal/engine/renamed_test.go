package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// renames is a mutator that renames clusters, with a cache key.
type renames map[string]string

func (r renames) Plan(_ *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	to := r[c.Name()]
	if to == "" {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{CacheKey: &to, Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		c.Name = r[c.GetName()]
		return nil
	}}
}

func (r renames) feature() mutator.Feature {
	return mutator.Feature{Name: "renames", Hooks: []mutator.Hook{mutator.HookTranslation}, RenamesClusters: true, Clusters: r}
}

// oddly encodes a virtual host with fields in an order that no encoder uses.
func oddly(t *testing.T, vh *routev3.VirtualHost) []byte {
	t.Helper()
	rest := proto.CloneOf(vh)
	rest.Domains = nil
	return append(encode(t, &routev3.VirtualHost{Domains: vh.GetDomains()}), encode(t, rest)...)
}

// routesOf returns an encoded configuration of virtual hosts.
func routesOf(t *testing.T, name string, hosts ...*routev3.VirtualHost) []byte {
	t.Helper()
	m := &wire.Message{}
	m.Add(1, []byte(name))
	for _, vh := range hosts {
		m.Add(2, oddly(t, vh))
	}
	return m.Append(nil)
}

// hostsIn returns the encoded virtual hosts of a configuration.
func hostsIn(raw []byte) (hosts [][]byte) {
	for num, value := range wire.Values(raw) {
		if num == 2 {
			hosts = append(hosts, value)
		}
	}
	return hosts
}

// hostNamed returns the first virtual host of a configuration under another name.
func hostNamed(name string, rc *routev3.RouteConfiguration) *routev3.VirtualHost {
	vh := rc.GetVirtualHosts()[0]
	vh.Name, vh.Domains = name, []string{name}
	return vh
}

// led returns a virtual host with its routes changed to renamed clusters.
func led(vh *routev3.VirtualHost, to renames) *routev3.VirtualHost {
	vh = proto.CloneOf(vh)
	for _, r := range vh.GetRoutes() {
		xds.RenameClusters(r.GetRoute(), func(name string) string {
			if now := to[name]; now != "" {
				return now
			}
			return name
		})
	}
	return vh
}

// TestRoutesFollowRenamedClusters: every kind of reference to a renamed cluster is changed, and
// other virtual hosts are not re-encoded. The renamed clusters change between calls while other
// cached state stays: cached hosts must not be used for other renames.
func TestRoutesFollowRenamedClusters(t *testing.T) {
	held := hostNamed("held", leading(configuration("x"), "a"))
	xds.HoldRoute(held.GetRoutes()[0], "key")
	both := hostNamed("both", mirrored(configuration("x"), 0))
	both.Routes[0].GetRoute().ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: "a"}
	both.Routes[0].GetRoute().RequestMirrorPolicies[0].Cluster = "b"
	both.Routes = append(both.Routes, leading(configuration("x"), "c").GetVirtualHosts()[0].GetRoutes()...)
	hosts := [][]*routev3.VirtualHost{
		{both, hostNamed("none", configuration("x")), hostNamed("one", leading(configuration("x"), "a")), hostNamed("other", leading(configuration("x"), "b"))},
		{hostNamed("weighted", weighted(configuration("x"), "a")), held},
		{hostNamed("elsewhere", leading(configuration("x"), "c"))},
		{hostNamed("mirrored", mirrored(configuration("x"), 0))},
	}
	lists := []engine.Resources{{Kind: mutator.KindRouteConfiguration}, {Kind: mutator.KindCluster}, {Kind: mutator.KindRouteConfiguration}}
	for i, h := range hosts {
		list := &lists[i/2*2]
		list.Encoded = append(list.Encoded, routesOf(t, fmt.Sprint("routes ", i), h...))
	}
	for _, cacheSize := range []int64{0, 1 << 20} {
		for _, to := range []renames{{"a": "new a", "b": "new b", "mirror": "new mirror", "nobody's": "x"}, {"a": "b", "b": "a"}} {
			e, err := engine.New([]mutator.Feature{to.feature()}, engine.WithCache(cacheSize))
			require.NoError(t, err)
			for _, there := range [][]string{{"a"}, {"a"}, {"b"}, {"a"}, {"a", "b"}, {"b", "a"}, {"c"}, {"mirror", "c"}, {"a"}} {
				lists[1].Encoded = nil
				names := renames{}
				for _, name := range there {
					lists[1].Encoded = append(lists[1].Encoded, encode(t, eds(name)))
					if !slices.Contains(there, to[name]) {
						names[name] = to[name]
					}
				}
				res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: lists})
				require.NoError(t, err)
				for i, want := range hosts {
					requireLed(t, want, names, lists[i/2*2].Encoded[i%2], res.Resources[i/2*2].Encoded[i%2])
				}
			}
		}
	}
}

// requireLed requires that each virtual host of a configuration has the expected routes, or the
// same bytes as before.
func requireLed(t *testing.T, want []*routev3.VirtualHost, names renames, sent, got []byte) {
	t.Helper()
	was, now := hostsIn(sent), hostsIn(got)
	require.Len(t, now, len(was))
	any := false
	for i, vh := range want {
		wanted := led(vh, names)
		if vh.GetName() == "held" && names["a"] != "" {
			xds.RenameClusters(wanted.GetRoutes()[0].GetRoute(), func(string) string { return names["a"] })
		}
		require.True(t, proto.Equal(wanted, decoded(t, vh, now[i])), "%v is %v", wanted, decoded(t, vh, now[i]))
		if proto.Equal(wanted, vh) {
			require.Equal(t, was[i], now[i], vh.GetName())
		} else {
			any = true
		}
	}
	if !any {
		require.Same(t, &sent[0], &got[0], "nothing is written anew")
	}
}

// TestRenamedAndChanged has a mutator that changes a configuration whose routes lead to a renamed
// cluster, and that changes routes to the old name of one.
func TestRenamedAndChanged(t *testing.T) {
	for _, cacheSize := range []int64{0, 1 << 20} {
		edits := renames{"a": "new a"}.feature()
		edit(&edits, func(rc *routev3.RouteConfiguration) {
			rc.VirtualHosts[0].IncludeAttemptCountInResponse = true
			leading(rc, "a")
		})
		e, err := engine.New([]mutator.Feature{edits}, engine.WithCache(cacheSize))
		require.NoError(t, err)
		for range 2 {
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
				{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, leading(configuration("x"), "b"))}},
				{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a")), encode(t, eds("b"))}},
			}})
			require.NoError(t, err)
			want := leading(configuration("x"), "new a")
			want.VirtualHosts[0].IncludeAttemptCountInResponse = true
			got := decoded(t, want, res.Resources[0].Encoded[0])
			require.True(t, proto.Equal(want, got), "%v", got)
			for _, o := range res.Outcomes {
				require.Equal(t, engine.Applied, o.Result)
			}
		}
	}
}

// TestRenamedAndFailed: if an edit of a cluster fails later, the cluster's final name counts: the
// new one, if another feature gave it, or the old one.
func TestRenamedAndFailed(t *testing.T) {
	add := func([]string) (mutator.Additions, error) { return mutator.Additions{}, errors.New("no") }
	for name, c := range map[string]struct {
		first bool // whether the feature that fails comes before the other one
		on    mutator.FailurePolicy
		want  string
	}{
		"renamed by another":            {on: mutator.Ignore, want: "new a"},
		"renamed by another, denied":    {on: mutator.Deny, want: "new a"},
		"before another, denied":        {first: true, on: mutator.Deny, want: "a"},
		"before another, left as it is": {first: true, on: mutator.Ignore, want: "new a"},
	} {
		t.Run(name, func(t *testing.T) {
			features := []mutator.Feature{renames{"a": "new a", "b": "new b"}.feature(), agents{add, c.on}.feature()}
			if features[1].Clusters = (onRenamed{agents{}}); c.first {
				features[0], features[1] = features[1], features[0]
			}
			e, err := engine.New(features)
			require.NoError(t, err)
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001)}, Resources: []engine.Resources{
				{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a")), encode(t, eds("b"))}},
				{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, leading(configuration("x"), "a")), encode(t, leading(configuration("x"), "b"))}},
			}})
			require.NoError(t, err)
			cluster := decoded(t, &clusterv3.Cluster{}, res.Resources[0].Encoded[0]).(*clusterv3.Cluster)
			require.Equal(t, c.want, cluster.GetName())
			require.Equal(t, c.on == mutator.Deny, cluster.GetType() == clusterv3.Cluster_STATIC)
			for i, name := range []string{c.want, "new b"} {
				want := leading(configuration("x"), name)
				require.True(t, proto.Equal(want, decoded(t, want, res.Resources[1].Encoded[i])))
			}
		})
	}
}

// onRenamed is a mutator that also refers to an agent under the new name.
type onRenamed struct{ agents }

func (o onRenamed) Plan(in *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	p := o.agents.Plan(in, v)
	if p != nil {
		p.Edit = func(_ context.Context, c *clusterv3.Cluster) error { return use(c, "x") }
	}
	return p
}

// TestRenamingIsForClusters: only clusters of a translation can be renamed.
func TestRenamingIsForClusters(t *testing.T) {
	f := mutator.Feature{RenamesClusters: true}
	edit(&f, func(s *tlsv3.Secret) { s.Name = "new" })
	require.Error(t, runEdit(t, f, mutator.HookTranslation, mutator.KindSecret, &tlsv3.Secret{Name: "old"}).Err)
	f = mutator.Feature{RenamesClusters: true, Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookTranslation}}
	edit(&f, func(c *clusterv3.Cluster) { c.Name = "new" })
	require.Error(t, runEdit(t, f, mutator.HookCluster, mutator.KindCluster, &clusterv3.Cluster{Name: "old"}).Err)
	require.NoError(t, runEdit(t, f, mutator.HookTranslation, mutator.KindCluster, &clusterv3.Cluster{Name: "old"}).Err)
}

// TestHostThatCannotBeDecoded: a virtual host that cannot be decoded is passed on next to one whose
// routes change.
func TestHostThatCannotBeDecoded(t *testing.T) {
	for _, cacheSize := range []int64{0, 1 << 20} {
		m, broken := &wire.Message{}, []byte("\x0a\x09egraft.io\x0a\x01\xff")
		m.Add(1, []byte("routes"))
		m.Add(2, broken)
		m.Add(2, encode(t, hostNamed("one", leading(configuration("x"), "a"))))
		e, err := engine.New([]mutator.Feature{renames{"a": "new a"}.feature()}, engine.WithCache(cacheSize))
		require.NoError(t, err)
		for range 2 {
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
				{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}},
				{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{m.Append(nil)}},
			}})
			require.NoError(t, err)
			now := hostsIn(res.Resources[1].Encoded[0])
			require.True(t, bytes.Equal(broken, now[0]), "%q", now[0])
			want := hostNamed("one", leading(configuration("x"), "new a"))
			require.True(t, proto.Equal(want, decoded(t, want, now[1])))
		}
	}
}

// TestRenamedClustersAreKept: renamed EDS clusters are kept under their old names because Envoy
// would wait for their endpoints when they come back. Clusters with health checks are not kept.
func TestRenamedClustersAreKept(t *testing.T) {
	eds := func(name string) *clusterv3.Cluster {
		return &clusterv3.Cluster{Name: name, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}}
	}
	checked := eds("checked")
	checked.HealthChecks = []*corev3.HealthCheck{{
		Timeout: durationpb.New(time.Second), Interval: durationpb.New(time.Second),
		UnhealthyThreshold: wrapperspb.UInt32(1), HealthyThreshold: wrapperspb.UInt32(1),
		HealthChecker: &corev3.HealthCheck_TcpHealthCheck_{TcpHealthCheck: &corev3.HealthCheck_TcpHealthCheck{}},
	}}
	to := renames{"eds": "new/eds", "checked": "new/checked", "dns": "new/dns"}
	e, err := engine.New([]mutator.Feature{to.feature()})
	require.NoError(t, err)
	all := [][]byte{encode(t, eds("eds")), encode(t, checked), encode(t, &clusterv3.Cluster{Name: "dns"}), encode(t, eds("other"))}
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: all}}})
	require.NoError(t, err)

	var names []string
	for _, raw := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(t, proto.Unmarshal(raw, c))
		names = append(names, c.GetName())
	}
	require.Equal(t, []string{"new/eds", "new/checked", "new/dns", "other", "eds"}, names)
	require.Equal(t, all[0], res.Resources[0].Encoded[4], "as it came")
}

// TestRenamedClustersAreKeptAsOthersMakeThem: a kept cluster has the edits of other mutators.
// Otherwise Envoy would see a change when it comes back, and wait for its endpoints.
func TestRenamedClustersAreKeptAsOthersMakeThem(t *testing.T) {
	slow := func(timeout time.Duration) mutator.Feature {
		return mutator.Feature{Name: fmt.Sprint("slow-f", timeout), Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: connects(timeout)}
	}
	for _, order := range [][]mutator.Feature{
		{slow(time.Second), renames{"a": "new/a"}.feature()},
		{renames{"a": "new/a"}.feature(), slow(time.Second)},
	} {
		e, err := engine.New(order, engine.WithCache(1<<20))
		require.NoError(t, err)
		came := encode(t, &clusterv3.Cluster{Name: "a", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}})
		for range 3 { // a cache miss, then hits
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{bytes.Clone(came)}}}})
			require.NoError(t, err)
			require.Len(t, res.Resources[0].Encoded, 2)
			for i, name := range []string{"new/a", "a"} {
				c := &clusterv3.Cluster{}
				require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[i], c))
				require.Equal(t, name, c.GetName())
				require.Equal(t, time.Second, c.GetConnectTimeout().AsDuration(), name)
			}
		}
	}
}

// connects is a mutator of all clusters.
type connects time.Duration

func (d connects) Plan(*mutator.Input, mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	return &mutator.Plan[*clusterv3.Cluster]{CacheKey: new(""), Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		c.ConnectTimeout = durationpb.New(time.Duration(d))
		return nil
	}}
}

// TestRenamedTwiceIsKeptOnce: a cluster is kept under its received name, whichever feature renamed
// it last.
func TestRenamedTwiceIsKeptOnce(t *testing.T) {
	again := mutator.Feature{Name: "again", Hooks: []mutator.Hook{mutator.HookTranslation}, RenamesClusters: true, Clusters: mutator.Func[*clusterv3.Cluster]{
		Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			c.Name = "x/" + c.GetName()
			return nil
		},
	}}
	e, err := engine.New([]mutator.Feature{renames{"a": "new/a"}.feature(), again})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{
		Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, &clusterv3.Cluster{Name: "a", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}})},
	}}})
	require.NoError(t, err)
	var names []string
	for _, raw := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(t, proto.Unmarshal(raw, c))
		names = append(names, c.GetName())
	}
	require.Equal(t, []string{"x/new/a", "a"}, names)
}
