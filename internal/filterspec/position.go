package filterspec

import (
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
)

// kinds are the kinds in the CRD.
var kinds = map[v1alpha1.FilterKind]httpfilter.Kind{
	"CustomResponse": httpfilter.CustomResponse, "HealthCheck": httpfilter.HealthCheck, "Fault": httpfilter.Fault, "CORS": httpfilter.CORS,
	"CSRF": httpfilter.CSRF, "HeaderMutation": httpfilter.HeaderMutation, "ExtAuthz": httpfilter.ExtAuthz, "APIKeyAuth": httpfilter.APIKeyAuth,
	"BasicAuth": httpfilter.BasicAuth, "OAuth2": httpfilter.OAuth2, "JWTAuthn": httpfilter.JWTAuthn, "SessionPersistence": httpfilter.SessionPersistence,
	"Buffer": httpfilter.Buffer, "Lua": httpfilter.Lua, "ExtProc": httpfilter.ExtProc, "Wasm": httpfilter.Wasm, "DynamicModules": httpfilter.DynamicModules,
	"GeoIP": httpfilter.GeoIP, "RBAC": httpfilter.RBAC, "LocalRateLimit": httpfilter.LocalRateLimit, "RateLimit": httpfilter.RateLimit,
	"BandwidthLimit": httpfilter.BandwidthLimit, "GRPCWeb": httpfilter.GRPCWeb, "GRPCStats": httpfilter.GRPCStats,
	"CredentialInjector": httpfilter.CredentialInjector, "Compressor": httpfilter.Compressor, "DynamicForwardProxy": httpfilter.DynamicForwardProxy,
}

// Position returns the position of a validated custom resource.
func (s *Spec) Position() httpfilter.Position {
	switch p := s.position; {
	case p == nil || p.At == v1alpha1.FilterBeforeRouter:
		return httpfilter.BeforeRouter()
	case p.At == v1alpha1.FilterFirst:
		return httpfilter.First()
	case p.Before != "":
		return httpfilter.Before(kinds[p.Before])
	default:
		return httpfilter.After(kinds[p.After])
	}
}

// IsBeforeRouter reports whether the filter is after all others.
func (s *Spec) IsBeforeRouter() bool {
	return s.position == nil || s.position.At == v1alpha1.FilterBeforeRouter
}
