// Package buffer implements BufferPolicy: Envoy holds requests until they are complete, or
// limits what its filters hold of them.
//
// In the Route hook it writes what a route's policy says onto the route, and leaves the
// policies as a mark. In the Translation hook it writes what the policy of a Gateway or
// listener says onto the listener's virtual hosts, and puts the buffer filter, switched off
// unless a route or virtual host switches it on, into the HTTP connection managers that
// need it. It must not change what belongs to a listener or route without a policy.
// See README.md.
package buffer

import (
	"cmp"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "buffer"

// gvk is the kind of resource that the feature reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindBufferPolicy)

// kind is the way to read what was left on routes, which was validated before.
func kind() policy.Kind { return policy.NewKind[v1alpha1.BufferPolicy](gvk, nil) }

// DefaultMaxBytes is the most that policies may have Envoy hold of a request unless the operator
// says otherwise: what common uploads need, and an eighth of the memory that Envoy Gateway
// requests for an Envoy.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/api/v1alpha1/shared_types.go
const DefaultMaxBytes = 64 << 20

// New returns the feature. Policies that would have Envoy hold more than maxBytes of a request
// are invalid; 0 is [DefaultMaxBytes].
func New(maxBytes int64) mutator.Feature {
	maxBytes = cmp.Or(maxBytes, DefaultMaxBytes)
	return mutator.Feature{
		Name:                Name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		Policies:            []policy.Kind{policy.NewKind(gvk, validator(maxBytes))},
		FailurePolicy:       mutator.Ignore,
		Routes:              routes{},
		Listeners:           listeners{},
		RouteConfigurations: routeConfigurations{},
		Reporter:            newReporter(),
	}
}
