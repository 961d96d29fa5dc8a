// Package frontendmtls implements FrontendMTLSPolicy: HTTPS listeners present an X.509
// SVID, which Envoy fetches from a SPIRE agent by SDS, and accept clients by their SPIFFE
// IDs.
//
// It finds the Gateway listeners of a filter chain by the virtual hosts of its routes. It must
// never leave a chain that verifies clients with SPIRE's bundle and without a URI matcher, and
// never deny what the policy's target shares with another listener. See README.md.
package frontendmtls

import (
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "frontend-mtls"

// gvk is the kind of resource that the feature reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindFrontendMTLSPolicy)

// New returns the feature.
func New() mutator.Feature {
	return mutator.Feature{
		Name:                Name,
		Hooks:               []mutator.Hook{mutator.HookTranslation},
		NeedsRoutes:         true,
		PrunesSecrets:       true,
		Policies:            []policy.Kind{policy.NewKind(gvk, validate)},
		FailurePolicy:       mutator.Deny,
		Listeners:           listeners{},
		RouteConfigurations: configurations{},
		Reporter:            newReporter(),
	}
}
