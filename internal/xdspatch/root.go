package xdspatch

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// roots are the message types of the kinds that a patch can select.
var roots = map[v1alpha1.XDSKind]protoreflect.FullName{
	v1alpha1.XDSListener:              "envoy.config.listener.v3.Listener",
	v1alpha1.XDSFilterChain:           "envoy.config.listener.v3.FilterChain",
	v1alpha1.XDSHTTPConnectionManager: "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
	v1alpha1.XDSRouteConfiguration:    "envoy.config.route.v3.RouteConfiguration",
	v1alpha1.XDSVirtualHost:           "envoy.config.route.v3.VirtualHost",
	v1alpha1.XDSRoute:                 "envoy.config.route.v3.Route",
	v1alpha1.XDSCluster:               "envoy.config.cluster.v3.Cluster",
	v1alpha1.XDSUpstreamTLS:           "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
	v1alpha1.XDSDownstreamTLS:         "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
}

// filters are Envoy's names for the kinds of HTTP filters.
var filters = map[v1alpha1.FilterKind]string{
	"CustomResponse": "custom_response", "HealthCheck": "health_check", "Fault": "fault", "CORS": "cors", "CSRF": "csrf",
	"HeaderMutation": "header_mutation", "ExtAuthz": "ext_authz", "APIKeyAuth": "api_key_auth", "BasicAuth": "basic_auth",
	"OAuth2": "oauth2", "JWTAuthn": "jwt_authn", "SessionPersistence": "stateful_session", "Buffer": "buffer", "Lua": "lua",
	"ExtProc": "ext_proc", "Wasm": "wasm", "DynamicModules": "dynamic_modules", "GeoIP": "geoip", "RBAC": "rbac",
	"LocalRateLimit": "local_ratelimit", "RateLimit": "ratelimit", "BandwidthLimit": "bandwidth_limit", "GRPCWeb": "grpc_web",
	"GRPCStats": "grpc_stats", "CredentialInjector": "credential_injector", "Compressor": "compressor",
	"DynamicForwardProxy": "dynamic_forward_proxy",
}

// Root returns the name of the message type that a patch selects, "" for an unknown kind.
func Root(s v1alpha1.XDSSelect) protoreflect.FullName {
	if s.Kind != v1alpha1.XDSHTTPFilter {
		return roots[s.Kind]
	}
	i := slices.IndexFunc(envoyfilter.All(), func(f envoyfilter.Filter) bool { return f.Name == filters[s.Filter] })
	if i < 0 {
		return ""
	}
	return protoreflect.FullName(envoyfilter.All()[i].Chain)
}

func rootOf(s v1alpha1.XDSSelect) (protoreflect.MessageType, error) {
	name := Root(s)
	if name == "" {
		return nil, fmt.Errorf("is not known")
	}
	return envoyapi.Types{}.FindMessageByName(name)
}

// ParsePath parses a path of a kind of messages in the form of grants: lists and maps without a key
// stand for all their elements.
func ParsePath(s v1alpha1.XDSSelect, text string) (Path, error) {
	t, err := rootOf(s)
	if err != nil {
		return nil, err
	}
	return parse(t.Descriptor(), text, true)
}

// Unpack returns the message in an Any as [Patch.Apply] requires it, with or without Go code for its type.
func Unpack(a *anypb.Any) (proto.Message, error) {
	return anypb.UnmarshalNew(a, proto.UnmarshalOptions{Resolver: envoyapi.Types{}})
}
