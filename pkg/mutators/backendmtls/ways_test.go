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
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// ofRoute is a valid policy of a name on a route, with something else in it.
func ofRoute(t *testing.T, name, path string) policy.Candidate {
	t.Helper()
	text := strings.NewReplacer("name: p,", "name: "+name+",", "kind: Gateway", "kind: HTTPRoute", "/envoy", path).Replace(valid)
	return policy.Candidate{Object: read(t, text), Specificity: policy.ToRoute}
}

// markOf is the mark that the Route hook leaves.
func markOf(t *testing.T, winner policy.Candidate, losers ...policy.Candidate) xds.Mark {
	t.Helper()
	m, err := mutator.Mark(&mutator.Input{}, gvk, winner, losers)
	require.NoError(t, err)
	return m
}

// lead is a route to clusters.
func lead(marks []xds.Mark, to ...string) *routev3.Route {
	a := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to[0]}}
	for _, c := range to[1:] {
		a.RequestMirrorPolicies = append(a.RequestMirrorPolicies, &routev3.RouteAction_RequestMirrorPolicy{Cluster: c})
	}
	r := &routev3.Route{Action: &routev3.Route_Route{Route: a}}
	for _, m := range marks {
		r.Metadata = xds.SetMark(r.GetMetadata(), m)
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
		c.Hosts = append(c.Hosts, xds.ReadHost(vh))
	}
	reach := xds.NewReach([]xds.Configuration{c})
	none, err := policy.NewSet(New(0).Policies, nil)
	require.NoError(t, err)
	return &mutator.Input{Hook: mutator.HookTranslation, Objects: none, Kinds: []mutator.Kind{mutator.KindCluster}, Reach: func() *xds.Reach { return reach }}
}

// TestCopies are made once for each policy, of the clusters that need them.
func TestCopies(t *testing.T) {
	p, q := []xds.Mark{markOf(t, ofRoute(t, "p", "/p"))}, []xds.Mark{markOf(t, ofRoute(t, "q", "/q"))}
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

// TestCopyInCleartext of a policy that leaves it so has its endpoints as soon as others.
func TestCopyInCleartext(t *testing.T) {
	leave := ofRoute(t, "p", "/p\n  plaintextBackends: Leave")
	in := input(t, listener(t, "one", lead([]xds.Mark{markOf(t, leave)}, "service/a/b/80")))
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
		setProvenance(c, policy.Candidate{Object: ofRoute(t, "q", "/q").Object, Specificity: level})
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
	in := input(t, listener(t, "one", lead([]xds.Mark{markOf(t, ofRoute(t, "p", "/p"))}, "c")))
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
	p := []xds.Mark{markOf(t, ofRoute(t, "p", "/p"))}
	lost := []xds.Mark{{Key: p[0].Key, Value: "of another version"}}
	buffer := xds.Mark{Key: "BufferPolicy.egraft.io", Value: "of another version"}
	for name, c := range map[string]struct {
		hosts []*routev3.VirtualHost
		kinds []mutator.Kind
		want  []bool
	}{
		"lost":                {[]*routev3.VirtualHost{listener(t, "one", lead(lost, "a", "b"), lead(p, "c"), lead(nil, "a"), lead([]xds.Mark{buffer}, "d"))}, []mutator.Kind{mutator.KindCluster}, []bool{true, false, false, false}},
		"lost, and another's": {[]*routev3.VirtualHost{listener(t, "one", lead(append(lost, xds.Mark{Key: "Zebra.egraft.io"}, buffer), "a"), lead(nil, "b"))}, []mutator.Kind{mutator.KindCluster}, []bool{true, false}},
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
	in := input(t, listener(t, "one", lead([]xds.Mark{markOf(t, q, p)}, "a"), lead([]xds.Mark{markOf(t, p)}, "b"), lead([]xds.Mark{markOf(t, p, q)}, "c")))
	of := map[string]*policy.Object{}
	indexOf(in).each(func(c *policy.Candidate) {
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
	p, q := []xds.Mark{markOf(t, ofRoute(t, "p", "/p"))}, []xds.Mark{markOf(t, ofRoute(t, "q", "/q"))}
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
	in := input(t, gateway, listener(t, "two", lead([]xds.Mark{markOf(t, q, wrong)}, "b")))
	raw, err := yaml.YAMLToJSON([]byte(strings.Replace(valid, "/envoy", "no path", 1)))
	require.NoError(t, err)
	in.Objects, err = policy.NewSet(New(0).Policies, [][]byte{raw})
	require.NoError(t, err)
	found := 0
	indexOf(in).each(func(c *policy.Candidate) {
		if c.Name == "p" {
			found++
			require.Error(t, c.Err)
		}
	})
	require.Equal(t, 2, found)
}
