package convert

import (
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	quicv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/quic/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

// place is a message that an XDSPatchPolicy can select.
type place struct {
	selects v1alpha1.XDSSelect
	of      *resource
	pointer string // JSON pointer in the resource
	msg     proto.Message
	// owners are the Gateway API objects that the message belongs to: listeners of Gateways, or routes.
	owners []xds.Reference
	// listeners are the listeners of Gateways that serve a route.
	listeners []xds.Reference
}

// id identifies a place.
func (p *place) id() string { return fmt.Sprint(p.of.kind, " ", p.of.name, " ", p.pointer) }

// covers reports whether a path in the resource leads into the place.
func (p *place) covers(path []string) bool {
	return strings.HasPrefix(pointerOf(path), p.pointer+"/")
}

// places returns all places of the Envoy, outer ones first.
func (e *envoy) places() (all []*place) {
	for _, r := range e.resources {
		all = append(all, e.placesOf(r)...)
	}
	return all
}

func (e *envoy) placesOf(r *resource) []*place {
	f := &finder{envoy: e, of: r}
	switch m := r.now.(type) {
	case *listenerv3.Listener:
		f.listener(m)
	case *routev3.RouteConfiguration:
		f.configuration(m)
	case *clusterv3.Cluster:
		f.cluster(m)
	}
	return f.found
}

type finder struct {
	envoy *envoy
	of    *resource
	found []*place
}

func (f *finder) add(k v1alpha1.XDSKind, pointer string, m proto.Message, owners []xds.Reference) {
	f.found = append(f.found, &place{selects: v1alpha1.XDSSelect{Kind: k}, of: f.of, pointer: pointer, msg: m, owners: owners})
}

func (f *finder) listener(l *listenerv3.Listener) {
	var owners []xds.Reference
	for _, name := range xds.RouteConfigurationsOf(l) {
		owners = union(owners, f.envoy.listeners(name))
	}
	f.add(v1alpha1.XDSListener, "", l, owners)
	for i, fc := range l.GetFilterChains() {
		f.chain(fc, fmt.Sprintf("/filter_chains/%d", i))
	}
	if fc := l.GetDefaultFilterChain(); fc != nil {
		f.chain(fc, "/default_filter_chain")
	}
}

func (f *finder) chain(fc *listenerv3.FilterChain, at string) {
	name, err := xds.RouteConfigurationOfChain(fc)
	if err != nil || name == "" {
		return
	}
	owners := f.envoy.listeners(name)
	f.add(v1alpha1.XDSFilterChain, at, fc, owners)
	socket, at2 := fc.GetTransportSocket().GetTypedConfig(), at+"/transport_socket/typed_config"
	if tls := (&tlsv3.DownstreamTlsContext{}); unpack(socket, tls) {
		f.add(v1alpha1.XDSDownstreamTLS, at2, tls, owners)
	}
	if quic := (&quicv3.QuicDownstreamTransport{}); unpack(socket, quic) && quic.GetDownstreamTlsContext() != nil {
		f.add(v1alpha1.XDSDownstreamTLS, at2+"/downstream_tls_context", quic.GetDownstreamTlsContext(), owners)
	}
	for i, filter := range fc.GetFilters() {
		if hcm := (&hcmv3.HttpConnectionManager{}); unpack(filter.GetTypedConfig(), hcm) {
			f.manager(hcm, fmt.Sprintf("%s/filters/%d/typed_config", at, i), owners)
		}
	}
}

func (f *finder) manager(hcm *hcmv3.HttpConnectionManager, at string, owners []xds.Reference) {
	f.add(v1alpha1.XDSHTTPConnectionManager, at, hcm, owners)
	for i, filter := range hcm.GetHttpFilters() {
		k := filterKind(filter)
		if k == "" || strings.HasPrefix(filter.GetName(), xds.MetadataNamespace+"/") {
			continue
		}
		m, err := xdspatch.Unpack(filter.GetTypedConfig())
		if err != nil {
			continue
		}
		f.add(v1alpha1.XDSHTTPFilter, fmt.Sprintf("%s/http_filters/%d/typed_config", at, i), m, owners)
		f.found[len(f.found)-1].selects.Filter = k
	}
}

func (f *finder) configuration(rc *routev3.RouteConfiguration) {
	f.add(v1alpha1.XDSRouteConfiguration, "", rc, f.envoy.listeners(rc.GetName()))
	for i, vh := range rc.GetVirtualHosts() {
		at := fmt.Sprintf("/virtual_hosts/%d", i)
		f.add(v1alpha1.XDSVirtualHost, at, vh, xds.ListenersOf(rc.GetName(), vh))
		for n, r := range vh.GetRoutes() {
			f.add(v1alpha1.XDSRoute, fmt.Sprintf("%s/routes/%d", at, n), r, xds.References(r.GetMetadata()))
			f.found[len(f.found)-1].listeners = xds.ListenersOf(rc.GetName(), vh)
		}
	}
}

func (f *finder) cluster(c *clusterv3.Cluster) {
	owners := f.envoy.clusters[c.GetName()]
	f.add(v1alpha1.XDSCluster, "", c, owners)
	socket := func(s *corev3.TransportSocket, at string) {
		if tls := (&tlsv3.UpstreamTlsContext{}); unpack(s.GetTypedConfig(), tls) {
			f.add(v1alpha1.XDSUpstreamTLS, at, tls, owners)
		}
	}
	socket(c.GetTransportSocket(), "/transport_socket/typed_config")
	for i, m := range c.GetTransportSocketMatches() {
		socket(m.GetTransportSocket(), fmt.Sprintf("/transport_socket_matches/%d/transport_socket/typed_config", i))
	}
}

// listeners returns the Gateway listeners that a route configuration belongs to.
func (e *envoy) listeners(configuration string) []xds.Reference {
	c := e.routes.Configuration(configuration)
	if c == nil {
		return nil
	}
	return c.Listeners()
}

// filterKind returns the kind by which policies select the configuration of a filter, empty if there is none.
func filterKind(f *hcmv3.HttpFilter) v1alpha1.FilterKind {
	name := string(f.GetTypedConfig().MessageName())
	for _, k := range filterKinds {
		if string(xdspatch.Root(v1alpha1.XDSSelect{Kind: v1alpha1.XDSHTTPFilter, Filter: k})) == name {
			return k
		}
	}
	return ""
}

// filterKinds are the kinds in the CRD, in the order of Envoy Gateway.
var filterKinds = []v1alpha1.FilterKind{
	"CustomResponse", "HealthCheck", "Fault", "CORS", "CSRF", "HeaderMutation", "ExtAuthz", "APIKeyAuth", "BasicAuth", "OAuth2", "JWTAuthn",
	"SessionPersistence", "Buffer", "Lua", "ExtProc", "Wasm", "DynamicModules", "GeoIP", "RBAC", "LocalRateLimit", "RateLimit", "BandwidthLimit",
	"GRPCWeb", "GRPCStats", "CredentialInjector", "Compressor", "DynamicForwardProxy",
}

// kindOf returns the kind by which positions refer to a filter with the name, empty if there is none.
func kindOf(name string) v1alpha1.FilterKind {
	i := slices.Index(httpfilter.Order(), httpfilter.KindOf(name))
	if i < 0 || i >= len(filterKinds) {
		return "" // the router is the last
	}
	return filterKinds[i]
}

func unpack(a *anypb.Any, m proto.Message) bool { return a.MessageIs(m) && a.UnmarshalTo(m) == nil }

func union(a, b []xds.Reference) []xds.Reference {
	for _, r := range b {
		if !slices.Contains(a, r) {
			a = append(a, r)
		}
	}
	return a
}
