// Package xdspatchpolicy implements XDSPatchPolicy: it sets fields of the Envoy resources that
// belong to the policy's targets.
//
// It finds the messages of a target by the Gateway API objects that Envoy Gateway made them from,
// never by their xDS names, and edits each with package internal/xdspatch. It must not edit what
// also belongs to others: it patches a listener only if it serves the policy's targets alone. See
// README.md.
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

// kind decodes and validates policies.
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

// denies reports whether traffic to the targets must be rejected if the policy does not take
// effect.
func denies(o *policy.Object) bool { return attach.OnFailure(o, mutator.Ignore) == mutator.Deny }

// content returns the content of a policy, nil if it cannot be decoded.
func content(o *policy.Object) *xdspatch.Policy { return policy.As[xdspatch.Policy](o) }
