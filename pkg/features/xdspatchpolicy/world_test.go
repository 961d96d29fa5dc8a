package xdspatchpolicy_test

import (
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/features/xdspatchpolicy"
	"github.com/egraft/egraft/pkg/mutator"
)

// world is a Gateway with a listener and HTTPRoutes r0, r1 and so on, each with a cluster of its own.
type world struct {
	*engine.Engine
	routes []*routev3.Route
	// ofGateway and ofRoutes are the policies of the Gateway and of each route.
	ofGateway [][]byte
	ofRoutes  map[int][][]byte
}

func newWorld(tb testing.TB, routes int) *world {
	tb.Helper()
	e, err := engine.New([]mutator.Feature{xdspatchpolicy.New()}, engine.WithCache(64<<20))
	require.NoError(tb, err)
	w := &world{Engine: e, ofRoutes: map[int][][]byte{}}
	for i := range routes {
		w.routes = append(w.routes, &routev3.Route{
			Name:     fmt.Sprintf("httproute/default/r%d/rule/0/match/0", i),
			Match:    &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: fmt.Sprintf("/%d", i)}},
			Metadata: madeFrom("HTTPRoute", fmt.Sprintf("r%d", i), "rule"),
			Action:   &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: clusterOf(i)}}},
		})
	}
	return w
}

func clusterOf(route int) string { return fmt.Sprintf("httproute/default/r%d/rule/0", route) }

func madeFrom(kind, name, section string) *corev3.Metadata {
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": kind, "namespace": "default", "name": name, "sectionName": section}}})
	if err != nil {
		panic(err)
	}
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": s}}
}

// policy returns a policy with patches in JSON.
func policy(target, name, patches string) []byte {
	kind := "HTTPRoute"
	if target == "eg" {
		kind = "Gateway"
	}
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy","metadata":{"namespace":"default","name":%q,"creationTimestamp":"2026-01-01T00:00:00Z"},`+
		`"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":%q,"name":%q}],"patches":[%s]}}`, name, kind, target, patches)
}

// translate runs the Route hook for the routes with policies, and then the translation with all
// routes.
func (w *world) translate(tb testing.TB) *engine.Response {
	tb.Helper()
	res, err := w.Run(tb.Context(), w.translation(tb))
	require.NoError(tb, err)
	return res
}

// translation returns the call.
func (w *world) translation(tb testing.TB) *engine.Call {
	tb.Helper()
	vh := &routev3.VirtualHost{Name: "default/eg/http/all", Domains: []string{"*"}, Metadata: madeFrom("Gateway", "eg", "http")}
	call := &engine.Call{Hook: mutator.HookTranslation, Objects: w.ofGateway}
	var clusters [][]byte
	for i, r := range w.routes {
		vh.Routes = append(vh.Routes, w.route(tb, i, r))
		clusters = append(clusters, encoded(tb, &clusterv3.Cluster{
			Name: clusterOf(i), ConnectTimeout: durationpb.New(1e9), ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC},
			Metadata: madeFrom("HTTPRoute", fmt.Sprintf("r%d", i), ""),
		}))
	}
	rc := encoded(tb, &routev3.RouteConfiguration{Name: "default/eg/http", VirtualHosts: []*routev3.VirtualHost{vh}})
	call.Resources = []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: clusters},
		{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{rc}},
		{Kind: mutator.KindListener, Encoded: [][]byte{encoded(tb, listener(tb))}},
	}
	return call
}

// listener returns a listener with two filter chains, both for the routes.
func listener(tb testing.TB) *listenerv3.Listener {
	tb.Helper()
	pack := func(m proto.Message) *anypb.Any {
		a, err := anypb.New(m)
		require.NoError(tb, err)
		return a
	}
	manager := func() []*listenerv3.Filter {
		return []*listenerv3.Filter{{Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: pack(&hcmv3.HttpConnectionManager{
			StatPrefix: "http", RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{
				RouteConfigName: "default/eg/http", ConfigSource: &corev3.ConfigSource{ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}}},
			}},
			HttpFilters: []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: pack(&routerv3.Router{})}}},
		})}}}
	}
	return &listenerv3.Listener{
		Name: "default/eg/http", FilterChains: []*listenerv3.FilterChain{{Name: "first", Filters: manager(), FilterChainMatch: &listenerv3.FilterChainMatch{ServerNames: []string{"a.example.com"}}}},
		DefaultFilterChain: &listenerv3.FilterChain{Name: "default", Filters: manager()},
	}
}

func (w *world) route(tb testing.TB, i int, r *routev3.Route) *routev3.Route {
	tb.Helper()
	if len(w.ofRoutes[i]) == 0 {
		return r
	}
	res, err := w.Run(tb.Context(), &engine.Call{
		Hook: mutator.HookRoute, Objects: w.ofRoutes[i], Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{encoded(tb, r)}}},
	})
	require.NoError(tb, err)
	return decoded(tb, res.Resources[0].Encoded[0], &routev3.Route{})
}

func encoded(tb testing.TB, m proto.Message) []byte {
	tb.Helper()
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(tb, err)
	return raw
}

func decoded[T proto.Message](tb testing.TB, raw []byte, m T) T {
	tb.Helper()
	require.NoError(tb, proto.Unmarshal(raw, m))
	return m
}

// clusterIn returns the cluster of a route in a response.
func clusterIn(tb testing.TB, res *engine.Response, route int) *clusterv3.Cluster {
	tb.Helper()
	return decoded(tb, res.Resources[0].Encoded[route], &clusterv3.Cluster{})
}

// host returns the virtual host of a response.
func host(tb testing.TB, res *engine.Response) *routev3.VirtualHost {
	tb.Helper()
	return decoded(tb, res.Resources[1].Encoded[0], &routev3.RouteConfiguration{}).GetVirtualHosts()[0]
}

// outcomes returns the reasons of the policies of a response, by name.
func outcomes(res *engine.Response) map[string]mutator.Reason {
	out := map[string]mutator.Reason{}
	for _, p := range res.Policies {
		out[p.Policy.Name] = p.Reason
	}
	return out
}

// messageOf returns the outcome message of a policy.
func messageOf(res *engine.Response, name string) string {
	for _, p := range res.Policies {
		if p.Policy.Name == name {
			return p.Message
		}
	}
	return ""
}
