// Package xdspatchpolicy implements XDSPatchPolicy: fields of the Envoy resources that belong to the
// policy's targets are set as the policy says.
//
// It finds the messages of a target by the Gateway API objects that Envoy Gateway made them from, never
// by their xDS names, and has package internal/xdspatch edit each. It must not edit what belongs to
// others as well: a listener is patched only if it serves the policy's targets alone. See README.md.
package xdspatchpolicy

import (
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "xds-patch-policy"

// gvk is the kind of resource that the feature reads.
var gvk = v1alpha1.GroupVersion.WithKind(v1alpha1.KindXDSPatchPolicy)

// kind is the way to read it.
var kind = policy.NewKind(gvk, validate)

// New returns the feature.
func New() mutator.Feature {
	return mutator.Feature{
		Name:                Name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		Policies:            []policy.Kind{kind},
		FailurePolicy:       mutator.Ignore,
		Routes:              routes{},
		RouteConfigurations: configurations{},
		Listeners:           listeners{},
		ClusterVariants:     clusters{},
		Reporter:            reporter{},
		Rejects:             unexpected,
	}
}

// denies tells whether requests to the targets must not be served without the policy.
func denies(o *policy.Object) bool { return attach.OnFailure(o, mutator.Ignore) == mutator.Deny }

// content is what a policy says, and nil for one that cannot be read.
func content(o *policy.Object) *xdspatch.Policy { return policy.As[xdspatch.Policy](o) }
