package backendmtls

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// ofRoute is a valid policy of a name on a route, with something else in it.
func ofRoute(t *testing.T, name, path string) policy.Attachment {
	t.Helper()
	text := strings.NewReplacer("name: p,", "name: "+name+",", "kind: Gateway", "kind: HTTPRoute", "/envoy", path).Replace(valid)
	return policy.Attachment{Object: read(t, text), Specificity: policy.ToRoute}
}

// markOf is the mark that the Route hook leaves.
func markOf(t *testing.T, winner policy.Attachment, losers ...policy.Attachment) xds.MetadataEntry {
	t.Helper()
	m, err := mutator.EncodeAttached(&mutator.Input{}, gvk, winner, losers)
	require.NoError(t, err)
	return m
}

// lead is a route to clusters.
func lead(marks []xds.MetadataEntry, to ...string) *routev3.Route {
	a := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to[0]}}
	for _, c := range to[1:] {
		a.RequestMirrorPolicies = append(a.RequestMirrorPolicies, &routev3.RouteAction_RequestMirrorPolicy{Cluster: c})
	}
	r := &routev3.Route{Action: &routev3.Route_Route{Route: a}}
	for _, m := range marks {
		r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
	}
	return r
}

// listener is a virtual host of a listener that no valid policy is for.
func listener(t *testing.T, section string, routes ...*routev3.Route) *routev3.VirtualHost {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "default", "name": "other", "sectionName": section}}})
	require.NoError(t, err)
	return &routev3.VirtualHost{Routes: routes, Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}}
}

// input is that of a translation with clusters.
func input(t *testing.T, hosts ...*routev3.VirtualHost) *mutator.Input {
	t.Helper()
	c := xds.Configuration{Name: "c"}
	for _, vh := range hosts {
		c.Hosts = append(c.Hosts, xds.NewVirtualHostIndex(vh))
	}
	reach := xds.NewRouteIndex([]xds.Configuration{c})
	none, err := policy.NewSet(New(0).Policies, nil)
	require.NoError(t, err)
	return &mutator.Input{Hook: mutator.HookTranslation, Objects: none, Kinds: []mutator.Kind{mutator.KindCluster}, Routes: func() *xds.RouteIndex { return reach }}
}

// TestCopies are made once for each policy, of the clusters that need them.
func TestCopies(t *testing.T) {
	p, q := []xds.MetadataEntry{markOf(t, ofRoute(t, "p", "/p"))}, []xds.MetadataEntry{markOf(t, ofRoute(t, "q", "/q"))}
	in := input(t,
		listener(t, "one", lead(p, "shared", "own"), lead(q, "shared"), lead(nil, "shared", "free"), lead(q, "service/a/b/80")),
		listener(t, "two", lead(p, "shared"), lead(p, "own")))
	var names []string
	copies := clusters{time.Minute}.copies(in)
	for _, c := range copies {
		names = append(names, c.Of+" for "+c.Affected[0].Name)
		require.Len(t, c.Affected, 1)
		require.Equal(t, copyName(c.Of, c.Affected[0]), c.Name)
	}
	require.Equal(t, []string{"shared for p", "shared for q", "service/a/b/80 for q"}, names)
	require.NotEqual(t, copies[0].Key, copies[1].Key)

	for alt, want := range map[string]string{"": "", "cluster.of.b": strings.ReplaceAll(copyName("cluster.of.b", copies[0].Affected[0]), ".", "_")} {
		c := &clusterv3.Cluster{Name: copies[0].Name, AltStatName: alt, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: &corev3.ConfigSource{}}}
		require.NoError(t, copies[0].Edit(t.Context(), c))
		require.Equal(t, copies[0].Name, c.GetName())
		require.Equal(t, want, c.GetAltStatName())
		require.Equal(t, newClusterFetchTimeout, c.GetEdsClusterConfig().GetEdsConfig().GetInitialFetchTimeout().AsDuration())
		require.NotNil(t, c.GetTransportSocket())
	}
}

// TestFailureOfAConfiguration bears on the policies of its routes, each once, and on no others.
func TestFailureOfAConfiguration(t *testing.T) {
	p, q := []xds.MetadataEntry{markOf(t, ofRoute(t, "p", "/p"))}, []xds.MetadataEntry{markOf(t, ofRoute(t, "q", "/q"))}
	in := input(t, listener(t, "one", lead(p, "a"), lead(p, "b"), lead(nil, "free"), lead(q, "b")))
	var names []string
	for _, o := range winnersOf(in, "c") {
		names = append(names, o.Name)
	}
	require.Equal(t, []string{"p", "q"}, names)
	require.Empty(t, winnersOf(in, "another"))
}

// TestCopyInCleartext of a policy that leaves it so has its endpoints as soon as others.
func TestCopyInCleartext(t *testing.T) {
	leave := ofRoute(t, "p", "/p\n  plaintextBackends: Leave")
	in := input(t, listener(t, "one", lead([]xds.MetadataEntry{markOf(t, leave)}, "service/a/b/80")))
	copies := clusters{time.Minute}.copies(in)
	require.Len(t, copies, 1)
	c := &clusterv3.Cluster{Name: copies[0].Name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{EdsConfig: &corev3.ConfigSource{}}}
	require.NoError(t, copies[0].Edit(t.Context(), c))
	require.Nil(t, c.GetTransportSocket())
	require.Equal(t, newClusterFetchTimeout, c.GetEdsClusterConfig().GetEdsConfig().GetInitialFetchTimeout().AsDuration())
}

// TestCloserPolicyOfAPassBefore is not replaced by one that is attached less closely.
func TestCloserPolicyOfAPassBefore(t *testing.T) {
	for level, replaced := range map[policy.Specificity]bool{policy.ToRule: false, policy.ToRoute: true, policy.ToGateway: true} {
		c := &clusterv3.Cluster{Name: copyPrefix + "x"}
		require.NoError(t, clusters{}.edit(c, policy.Attachment{Object: ofRoute(t, "q", "/q").Object, Specificity: level}))
		before := proto.CloneOf(c)
		require.NoError(t, clusters{}.edit(c, ofRoute(t, "p", "/p")))
		require.Equal(t, replaced, !proto.Equal(before, c), level)
	}
	denied := &clusterv3.Cluster{Name: "x"}
	require.NoError(t, xds.DenyCluster(denied))
	before := proto.CloneOf(denied)
	require.NoError(t, clusters{}.edit(denied, ofRoute(t, "p", "/p")))
	require.True(t, proto.Equal(before, denied))
}

// TestPassBeforeInNameAlone: metadata that says that a closer policy was applied, or that the cluster
// was denied, does not keep a cluster without what that would have made of it.
func TestPassBeforeInNameAlone(t *testing.T) {
	tls, err := xds.Any(&tlsv3.UpstreamTlsContext{Sni: "x"})
	require.NoError(t, err)
	secured := func(c *clusterv3.Cluster) { require.NoError(t, clusters{}.edit(c, ofRoute(t, "q", "/q"))) }
	for name, c := range map[string]struct {
		make     func(*clusterv3.Cluster)
		replaced bool
	}{
		"cleartext": {func(*clusterv3.Cluster) {}, true},
		"TLS for anybody": {func(c *clusterv3.Cluster) {
			c.TransportSocket = &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}
		}, true},
		"TLS for anybody, of some": {func(c *clusterv3.Cluster) {
			secured(c)
			c.TransportSocketMatches = []*clusterv3.Cluster_TransportSocketMatch{{Name: "m", TransportSocket: &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}}}
		}, true},
		"secured": {secured, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := &clusterv3.Cluster{Name: copyPrefix + "x", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}}
			c.make(x)
			setProvenance(x, policy.Attachment{Object: ofRoute(t, "q", "/q").Object, Specificity: policy.ToRule})
			x.Metadata = xds.SetMetadataEntry(x.GetMetadata(), xds.MetadataEntry{Key: xds.DeniedKey, Value: "true"})
			before := proto.CloneOf(x)
			require.NoError(t, clusters{}.edit(x, ofRoute(t, "p", "/p")))
			require.Equal(t, c.replaced, !proto.Equal(before, x))
			safe, err := requiresURI(x)
			require.NoError(t, err)
			require.True(t, safe)
		})
	}
}

// TestRenamedCluster keeps its endpoints and its statistics.
func TestRenamedCluster(t *testing.T) {
	for service, want := range map[string]string{"": "c", "s": "s"} {
		c := &clusterv3.Cluster{Name: "c", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: service}}
		p := ofRoute(t, "p", "/p")
		require.NoError(t, clusters{}.edit(c, p))
		require.Equal(t, copyName("c", p.Object), c.GetName())
		require.Equal(t, "c", c.GetAltStatName())
		require.Equal(t, want, c.GetEdsClusterConfig().GetServiceName())
	}
}

// TestClusterHook has no policies, and a cluster that comes with it comes with the translation too.
func TestClusterHook(t *testing.T) {
	in := input(t, listener(t, "one", lead([]xds.MetadataEntry{markOf(t, ofRoute(t, "p", "/p"))}, "c")))
	require.NotNil(t, clusters{}.Plan(in, view("c")))
	in.Hook = mutator.HookCluster
	require.Nil(t, clusters{}.Plan(in, view("c")))
}

// view is a resource of a name.
type view string

func (v view) Name() string              { return string(v) }
func (view) References() []xds.Reference { return nil }

// TestRefusedRoutes are those of policies that cannot be applied, and no others.
func TestRefusedRoutes(t *testing.T) {
	p := []xds.MetadataEntry{markOf(t, ofRoute(t, "p", "/p"))}
	lost := []xds.MetadataEntry{{Key: p[0].Key, Value: "of another version"}}
	buffer := xds.MetadataEntry{Key: "BufferPolicy.egraft.io", Value: "of another version"}
	for name, c := range map[string]struct {
		hosts []*routev3.VirtualHost
		kinds []mutator.Kind
		want  []bool
	}{
		"lost":                {[]*routev3.VirtualHost{listener(t, "one", lead(lost, "a", "b"), lead(p, "c"), lead(nil, "a"), lead([]xds.MetadataEntry{buffer}, "d"))}, []mutator.Kind{mutator.KindCluster}, []bool{true, false, false, false}},
		"lost, and another's": {[]*routev3.VirtualHost{listener(t, "one", lead(append(lost, xds.MetadataEntry{Key: "Zebra.egraft.io"}, buffer), "a"), lead(nil, "b"))}, []mutator.Kind{mutator.KindCluster}, []bool{true, false}},
		"without clusters":    {[]*routev3.VirtualHost{listener(t, "one", lead(p, "a", "b"), lead(nil, "c"), lead(nil, "a"), lead(lost, "d"))}, []mutator.Kind{mutator.KindListener}, []bool{true, false, false, true}},
		"none":                {[]*routev3.VirtualHost{listener(t, "one", lead(nil, "a"))}, nil, []bool{false}},
	} {
		t.Run(name, func(t *testing.T) {
			in := input(t, c.hosts...)
			in.Kinds = c.kinds
			rc := &routev3.RouteConfiguration{Name: "c", VirtualHosts: c.hosts}
			if plan := (routeConfigurations{}).Plan(in, view("c")); plan != nil {
				require.NoError(t, plan.Edit(t.Context(), rc))
			}
			for i, r := range rc.GetVirtualHosts()[0].GetRoutes() {
				require.Equal(t, c.want[i], r.GetDirectResponse() != nil, i)
			}
		})
	}
}

// TestGroupsAreOfTheSameWays: what is decided for one cluster is taken for another only if the very
// same ways lead to it.
func TestGroupsAreOfTheSameWays(t *testing.T) {
	var hosts []*routev3.VirtualHost
	for i := range 24 {
		to := []string{"all"}
		for name, ways := range map[string][]int{"1 23": {1, 23}, "1 2 3": {1, 2, 3}, "again": {1, 23}, "backend/a/b/80": {1, 23}, copyPrefix + "x": {1}} {
			for _, w := range ways {
				if w == i {
					to = append(to, name)
				}
			}
		}
		hosts = append(hosts, listener(t, fmt.Sprint(i), lead(nil, to...)))
	}
	x := indexOf(input(t, hosts...))
	require.Same(t, x.clusters["1 23"], x.clusters["again"])
	require.NotSame(t, x.clusters["1 23"], x.clusters["1 2 3"])
	require.NotSame(t, x.clusters["1 23"], x.clusters["backend/a/b/80"])
	require.NotContains(t, x.clusters, copyPrefix+"x", "made by a pass before this one")
	require.Len(t, x.groups, 4)
}

// TestSameObject: policies of one name are the same if they are used, as of whatever generation,
// or if they say the same.
func TestSameObject(t *testing.T) {
	p, later, q := ofRoute(t, "p", "/p").Object, ofRoute(t, "p", "/p2").Object, ofRoute(t, "q", "/p").Object
	wrong, other := ofRoute(t, "p", "no path").Object, ofRoute(t, "p", "not either").Object
	require.Error(t, wrong.Err)
	for _, c := range []struct {
		a, b *policy.Object
		want bool
	}{
		{nil, nil, true},
		{p, nil, false},
		{nil, p, false},
		{p, p, true},
		{p, later, true},
		{p, q, false},
		{p, wrong, false},
		{wrong, p, false},
		{wrong, wrong, true},
		{wrong, other, false},
	} {
		require.Equal(t, c.want, sameObject(c.a, c.b), "%v %v", c.a, c.b)
	}
}

// TestInterned: of a policy that lost one route and won another there is one object, with content.
func TestInterned(t *testing.T) {
	p, q := ofRoute(t, "p", "/p"), ofRoute(t, "q", "/q")
	in := input(t, listener(t, "one", lead([]xds.MetadataEntry{markOf(t, q, p)}, "a"), lead([]xds.MetadataEntry{markOf(t, p)}, "b"), lead([]xds.MetadataEntry{markOf(t, p, q)}, "c")))
	of := map[string]*policy.Object{}
	indexOf(in).each(func(c *policy.Attachment) {
		require.NotNil(t, c.Content(), c.String())
		if of[c.String()] == nil {
			of[c.String()] = c.Object
		}
		require.Same(t, of[c.String()], c.Object)
	})
	require.Len(t, of, 2)
}

// TestLimited: policies past a limit are asked for once, deny what they win, and change its key.
func TestLimited(t *testing.T) {
	p, q := []xds.MetadataEntry{markOf(t, ofRoute(t, "p", "/p"))}, []xds.MetadataEntry{markOf(t, ofRoute(t, "q", "/q"))}
	hosts := []*routev3.VirtualHost{listener(t, "one", lead(p, "a"), lead(q, "a", "b"), lead(nil, "b")), listener(t, "two", lead(q, "b"), lead(p, "a"))}
	free, limited := input(t, hosts...), input(t, hosts...)
	var asked []string
	limited.Excess = func(inEffect []*policy.Object) map[*policy.Object]error {
		for _, o := range inEffect {
			asked = append(asked, o.Name)
		}
		return map[*policy.Object]error{inEffect[1]: errors.New("is too much")}
	}
	x, y := indexOf(free), indexOf(limited)
	require.Equal(t, []string{"p", "q"}, asked)
	for i, w := range y.order {
		o := w.winner()
		if o == nil {
			continue
		}
		require.Equal(t, o.Name == "q", o.Err != nil)
		require.Equal(t, o.Name == "q", w.key != x.order[i].key)
		require.Equal(t, o.Name == "q", (clusters{}).edit(&clusterv3.Cluster{Name: "c"}, w.found[0]) != nil)
	}
}

// TestInternedInvalid: what is wrong with a policy is not forgotten over a route that it lost.
func TestInternedInvalid(t *testing.T) {
	wrong, q := ofRoute(t, "p", "no path"), ofRoute(t, "q", "/q")
	gateway := listener(t, "one", lead(nil, "a"))
	gateway.Metadata = gatewayMetadata(t)
	in := input(t, gateway, listener(t, "two", lead([]xds.MetadataEntry{markOf(t, q, wrong)}, "b")))
	raw, err := yaml.YAMLToJSON([]byte(strings.Replace(valid, "/envoy", "no path", 1)))
	require.NoError(t, err)
	in.Objects, err = policy.NewSet(New(0).Policies, [][]byte{raw})
	require.NoError(t, err)
	found := 0
	indexOf(in).each(func(c *policy.Attachment) {
		if c.Name == "p" {
			found++
			require.Error(t, c.Err)
		}
	})
	require.Equal(t, 2, found)
}
