// Package httpfilter has pure helpers for the HTTP filters of listeners, clusters and routes: it
// inserts a filter at the position of Envoy Gateway's filters, and configures it for a route.
//
// It finds filters by their names, as Envoy Gateway does, and never by an index. It must not depend
// on policies, and does not decide which listeners and routes have a filter.
package httpfilter

import (
	"slices"
	"strings"
)

// Kind is a kind of HTTP filter, as in EnvoyProxy.spec.filterOrder of Envoy Gateway. The names of
// all filters of a kind begin with it: envoy.filters.http.lua/envoyextensionpolicy/….
type Kind string

// The kinds of HTTP filters that Envoy Gateway knows.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/envoyproxy_types.go
const (
	CustomResponse      Kind = "envoy.filters.http.custom_response"
	HealthCheck         Kind = "envoy.filters.http.health_check"
	Fault               Kind = "envoy.filters.http.fault"
	CORS                Kind = "envoy.filters.http.cors"
	CSRF                Kind = "envoy.filters.http.csrf"
	HeaderMutation      Kind = "envoy.filters.http.header_mutation"
	ExtAuthz            Kind = "envoy.filters.http.ext_authz"
	APIKeyAuth          Kind = "envoy.filters.http.api_key_auth"
	BasicAuth           Kind = "envoy.filters.http.basic_auth"
	OAuth2              Kind = "envoy.filters.http.oauth2"
	JWTAuthn            Kind = "envoy.filters.http.jwt_authn"
	SessionPersistence  Kind = "envoy.filters.http.stateful_session"
	Buffer              Kind = "envoy.filters.http.buffer"
	Lua                 Kind = "envoy.filters.http.lua"
	ExtProc             Kind = "envoy.filters.http.ext_proc"
	Wasm                Kind = "envoy.filters.http.wasm"
	DynamicModules      Kind = "envoy.filters.http.dynamic_modules"
	GeoIP               Kind = "envoy.filters.http.geoip"
	RBAC                Kind = "envoy.filters.http.rbac"
	LocalRateLimit      Kind = "envoy.filters.http.local_ratelimit"
	RateLimit           Kind = "envoy.filters.http.ratelimit"
	BandwidthLimit      Kind = "envoy.filters.http.bandwidth_limit"
	GRPCWeb             Kind = "envoy.filters.http.grpc_web"
	GRPCStats           Kind = "envoy.filters.http.grpc_stats"
	CredentialInjector  Kind = "envoy.filters.http.credential_injector"
	Compressor          Kind = "envoy.filters.http.compressor"
	DynamicForwardProxy Kind = "envoy.filters.http.dynamic_forward_proxy"
	Router              Kind = "envoy.filters.http.router"
)

// order is Envoy Gateway's order. Filters of unknown kinds are between Lua and external processing.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/httpfilters.go#L93-L169
var order = []Kind{
	CustomResponse, HealthCheck, Fault, CORS, CSRF, HeaderMutation, ExtAuthz, APIKeyAuth, BasicAuth, OAuth2, JWTAuthn,
	SessionPersistence, Buffer, Lua, ExtProc, Wasm, DynamicModules, GeoIP, RBAC, LocalRateLimit, RateLimit, BandwidthLimit,
	GRPCWeb, GRPCStats, CredentialInjector, Compressor, DynamicForwardProxy, Router,
}

// Order returns the kinds in the default order of their filters, which EnvoyProxy.spec.filterOrder
// can change.
func Order() []Kind { return slices.Clone(order) }

// LastPrefix begins the names of filters for [Last]. These filters have the kind [Router], so that
// no other filter is inserted between them and the router, in whatever order filters are inserted.
const LastPrefix = "egraft.io/last/"

// KindOf returns the kind of a filter by its name, or "" for a kind that Envoy Gateway does not
// know.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/httpfilters.go#L348
func KindOf(name string) Kind {
	if strings.HasPrefix(name, LastPrefix) {
		return Router
	}
	for _, k := range order {
		if strings.HasPrefix(name, string(k)) {
			return k
		}
	}
	return ""
}
