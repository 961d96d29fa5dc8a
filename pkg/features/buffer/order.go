package buffer

import (
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/xds"
)

// earlier are the filters behind which Envoy Gateway has the buffer filter, wherever
// EnvoyProxy.filterOrder or a patch has moved them to: authentication above all, so that
// nobody unknown makes Envoy hold bodies.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/httpfilters.go#L93-L169
var earlier = []string{
	"envoy.filters.http.custom_response", "envoy.filters.http.health_check", "envoy.filters.http.fault", "envoy.filters.http.cors",
	"envoy.filters.http.csrf", "envoy.filters.http.header_mutation", "envoy.filters.http.ext_authz", "envoy.filters.http.api_key_auth",
	"envoy.filters.http.basic_auth", "envoy.filters.http.oauth2", "envoy.filters.http.jwt_authn", "envoy.filters.http.stateful_session",
}

// later are the filters in front of which Envoy Gateway has it: those that call out with the
// body or act on it, and the router.
var later = []string{
	"envoy.filters.http.lua", "envoy.filters.http.ext_proc", "envoy.filters.http.wasm", "envoy.filters.http.dynamic_modules",
	"envoy.filters.http.geoip", "envoy.filters.http.rbac", "envoy.filters.http.local_ratelimit", "envoy.filters.http.ratelimit",
	"envoy.filters.http.bandwidth_limit", "envoy.filters.http.grpc_web", "envoy.filters.http.grpc_stats",
	"envoy.filters.http.credential_injector", "envoy.filters.http.compressor", "envoy.filters.http.dynamic_forward_proxy",
}

func isEarlier(name string) bool { return oneOf(earlier, name) }

func isLater(name string) bool { return oneOf(later, name) || xds.IsRouter(name) }

// oneOf knows a filter as Envoy Gateway does, which begins names with the kind.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/httpfilters.go#L348
func oneOf(kinds []string, name string) bool {
	return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(name, kind) })
}
