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
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the family's name in configuration, logs and metrics.
const Name = "buffer"

// gvk is the kind of resource that the family reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindBufferPolicy)

// kind is the way to read them.
func kind() policy.Kind { return policy.NewKind(gvk, validate) }

// New returns the family.
func New() mutator.Family {
	return mutator.Family{
		Name:                Name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsReach:          true,
		Policies:            []policy.Kind{kind()},
		FailurePolicy:       mutator.Ignore,
		Routes:              routes{},
		Listeners:           listeners{},
		RouteConfigurations: routeConfigurations{},
		Reporter:            reporter{},
	}
}
