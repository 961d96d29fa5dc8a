package convert

import (
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// assume builds, from the name of a resource, what Envoy Gateway always generates for it with the
// default name scheme (without XDSNameSchemeV2).
func assume(k mutator.Kind, name string, p *Policy) (*envoy, error) {
	e := &envoy{isAssumed: true, clusters: map[string][]xds.Reference{}}
	r := &resource{kind: k, name: name}
	parts := strings.Split(name, "/")
	var err error
	switch {
	case k == mutator.KindCluster && len(parts) == 5 && parts[3] == "rule":
		err = e.assumeCluster(r, parts)
	case k != mutator.KindCluster && len(parts) == 3 && (p.Target.Kind != xds.KindGateway || parts[0] == p.Namespace && parts[1] == p.Target.Name):
		gateway := xds.Reference{Kind: xds.KindGateway, Namespace: parts[0], Name: parts[1], SectionName: parts[2]}
		err = e.assumeListener(r, gateway)
	default:
		return nil, reject("Provide Envoy's configuration with --config-dump or --recording", "the name does not identify a Gateway API object")
	}
	e.resources = []*resource{r}
	return e, err
}

func (e *envoy) assumeCluster(r *resource, parts []string) error {
	kinds := map[string]string{"httproute": xds.KindHTTPRoute, "grpcroute": xds.KindGRPCRoute}
	if kinds[parts[0]] == "" {
		return noOwner(v1alpha1.XDSCluster)
	}
	e.clusters[r.name] = []xds.Reference{{Kind: kinds[parts[0]], Namespace: parts[1], Name: parts[2]}}
	e.routes = xds.NewRouteIndex(nil)
	r.now = &clusterv3.Cluster{
		Name:            r.name,
		CircuitBreakers: &clusterv3.CircuitBreakers{Thresholds: []*clusterv3.CircuitBreakers_Thresholds{{MaxRetries: wrapperspb.UInt32(1024)}}},
	}
	return nil
}

func (e *envoy) assumeListener(r *resource, gateway xds.Reference) error {
	host, err := hostOf(gateway)
	if err != nil {
		return err
	}
	e.routes = xds.NewRouteIndex([]xds.Configuration{{Name: r.name, Hosts: []*xds.VirtualHostIndex{host}}})
	if r.kind == mutator.KindRouteConfiguration {
		r.now = &routev3.RouteConfiguration{Name: r.name}
		return nil
	}
	router, err := xds.Any(&routerv3.Router{})
	if err != nil {
		return err
	}
	hcm, err := xds.Any(&hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: r.name}},
		HttpFilters:    []*hcmv3.HttpFilter{{Name: "envoy.filters.http.router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router}}},
	})
	if err != nil {
		return err
	}
	tls, err := xds.Any(&tlsv3.DownstreamTlsContext{})
	if err != nil {
		return err
	}
	plain := &listenerv3.FilterChain{Filters: []*listenerv3.Filter{{Name: xds.HCMName, ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: hcm}}}}
	secured := proto.CloneOf(plain)
	secured.TransportSocket = &corev3.TransportSocket{Name: "envoy.transport_sockets.tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: tls}}
	r.now = &listenerv3.Listener{Name: r.name, FilterChains: []*listenerv3.FilterChain{secured}, DefaultFilterChain: plain}
	return nil
}

// hostOf returns the index of a virtual host that belongs to a Gateway's listener.
func hostOf(gateway xds.Reference) (*xds.VirtualHostIndex, error) {
	named := map[string]any{"kind": gateway.Kind, "namespace": gateway.Namespace, "name": gateway.Name, "sectionName": gateway.SectionName}
	s, err := structpb.NewStruct(map[string]any{"resources": []any{named}})
	if err != nil {
		return nil, err
	}
	return xds.NewVirtualHostIndex(&routev3.VirtualHost{
		Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}},
	}), nil
}

// isKnown reports whether all list elements on a path are ones that Envoy Gateway always generates.
func isKnown(doc any, path []string) bool {
	for i, t := range path {
		_, isIndex := index(t, 0)
		switch d := doc.(type) {
		case map[string]any:
			doc = d[t]
		case []any:
			if t == end {
				return i == len(path)-1
			}
			n, ok := index(t, len(d))
			if !ok || n >= len(d) {
				return false
			}
			doc = d[n]
		default:
			if isIndex {
				return false
			}
		}
	}
	return true
}

// assumedOp returns the operation to apply to assumed content: the value to replace exists in
// Envoy, but may be missing here.
func assumedOp(op string) string {
	if op == opReplace {
		return opAdd
	}
	return op
}
