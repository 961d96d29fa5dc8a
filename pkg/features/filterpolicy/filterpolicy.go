// Package filterpolicy implements FilterPolicy: an HTTP filter of Envoy in the filter chain, for the
// requests of the policy's targets.
//
// It reads the filter's configuration and knows no filter in particular. It must not change what
// belongs to a listener or route without a policy. See README.md.
package filterpolicy

import (
	"fmt"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "filter-policy"

// New returns the feature.
func New() mutator.Feature {
	return attach.FilterPolicy[v1alpha1.FilterPolicy]{
		Name:      Name,
		Kind:      v1alpha1.GroupVersion.WithKind(v1alpha1.KindFilterPolicy),
		Targets:   func(p *v1alpha1.FilterPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		OnFailure: mutator.Ignore,
		Validate:  validate,
		Slot:      func(p *v1alpha1.FilterPolicy) string { return p.Spec.Filter.Name },
		Position:  func(p *v1alpha1.FilterPolicy) httpfilter.Position { return positionOf(p.Spec.Position) },
		Config: func(p *v1alpha1.FilterPolicy) (proto.Message, error) {
			return message(p.Spec.Filter.TypedConfig)
		},
		PerRoute: func(p *v1alpha1.FilterPolicy) (proto.Message, error) {
			if p.Spec.PerRoute == nil {
				return nil, nil
			}
			return message(*p.Spec.PerRoute)
		},
		Describe: func(p *v1alpha1.FilterPolicy, routes int) string {
			return fmt.Sprintf("requests pass the filter %s; routes: %d", p.Spec.Filter.Name, routes)
		},
	}.Feature()
}

// message reads a configuration that was validated.
func message(c v1alpha1.TypedConfig) (proto.Message, error) {
	m, errs := typedconfig.Read(c.Raw, field.NewPath("typedConfig"))
	return m, errs.ToAggregate()
}

// kinds are those of the CRD.
var kinds = map[v1alpha1.FilterKind]httpfilter.Kind{
	"CustomResponse": httpfilter.CustomResponse, "HealthCheck": httpfilter.HealthCheck, "Fault": httpfilter.Fault, "CORS": httpfilter.CORS,
	"CSRF": httpfilter.CSRF, "HeaderMutation": httpfilter.HeaderMutation, "ExtAuthz": httpfilter.ExtAuthz, "APIKeyAuth": httpfilter.APIKeyAuth,
	"BasicAuth": httpfilter.BasicAuth, "OAuth2": httpfilter.OAuth2, "JWTAuthn": httpfilter.JWTAuthn, "SessionPersistence": httpfilter.SessionPersistence,
	"Buffer": httpfilter.Buffer, "Lua": httpfilter.Lua, "ExtProc": httpfilter.ExtProc, "Wasm": httpfilter.Wasm, "DynamicModules": httpfilter.DynamicModules,
	"GeoIP": httpfilter.GeoIP, "RBAC": httpfilter.RBAC, "LocalRateLimit": httpfilter.LocalRateLimit, "RateLimit": httpfilter.RateLimit,
	"BandwidthLimit": httpfilter.BandwidthLimit, "GRPCWeb": httpfilter.GRPCWeb, "GRPCStats": httpfilter.GRPCStats,
	"CredentialInjector": httpfilter.CredentialInjector, "Compressor": httpfilter.Compressor, "DynamicForwardProxy": httpfilter.DynamicForwardProxy,
}

// positionOf is the position of a policy that was validated.
func positionOf(p *v1alpha1.FilterPosition) httpfilter.Position {
	switch {
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
