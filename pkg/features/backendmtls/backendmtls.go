// Package backendmtls implements BackendMTLSPolicy: Envoy presents an X.509 SVID, which
// it fetches from a SPIRE agent by SDS, to the backends of a target, and accepts only
// backends with one of the named SPIFFE IDs.
//
// In the Route hook it leaves route-targeted policies as a mark on the route; in the
// Translation hook, where the clusters are, it finds the policy that wins each cluster and
// rewrites the cluster's TLS. It must never leave a TLS context with SPIRE's bundle and
// without a URI matcher: Envoy's SPIFFE validator would accept every workload of the
// trust domain. See README.md.
package backendmtls

import (
	"time"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "backend-mtls"

// gvk is the kind of resource that the feature reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindBackendMTLSPolicy)

// kind is the way to read them. Another hook needs all of a policy but its targets.
func kind() policy.Kind { return policy.NewKind(gvk, validate) }

// New returns the feature. edsInitialFetchTimeout is how long Envoy waits for the endpoints
// of a cluster that the feature changed; 0 leaves Envoy's default.
func New(edsInitialFetchTimeout time.Duration) mutator.Feature {
	c := clusters{edsInitialFetchTimeout}
	return mutator.Feature{
		Name:                Name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		RenamesClusters:     true,
		Policies:            []policy.Kind{kind()},
		FailurePolicy:       mutator.Deny,
		Routes:              routes{},
		Clusters:            c,
		RouteConfigurations: routeConfigurations{},
		Additions:           additions{c},
		Reporter:            newReporter(),
	}
}
