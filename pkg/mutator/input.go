package mutator

import (
	"context"
	"fmt"
	"slices"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Input is the content of a hook call in addition to the resources. All mutators of the
// call share it, and so do calls with the same content. It must not be changed.
type Input struct {
	// Hook is the hook that was called.
	Hook Hook
	// Objects are the custom resources of the call, older ones first: policies in the
	// Route, HTTPListener and Translation hooks, filters in Route, backends in Cluster.
	Objects *policy.Set
	// Hostnames of the virtual host that a route belongs to (Route hook only).
	Hostnames []string
	// Kinds are the kinds of resources in the call, see [Input.Has].
	Kinds []Kind
	// Excess returns the policies that exceed a limit of the operator for their namespace, with
	// the reason. Its argument is the policies in effect, oldest first. It is nil if there is no
	// limit, see [Input.Past].
	Excess func(inEffect []*policy.Object) map[*policy.Object]error
	// Rejected are the policies that were rejected after their edits of the translation, with the
	// reason, see [Feature.Rejects]. Objects, [Attached] and [DecodeAttached] contain copies of them
	// with the reason as their error.
	Rejected map[policy.ID]error
	// Routes returns the listeners and routes that lead to each cluster (Translation hook
	// only, nil elsewhere). It is computed at the first call. The virtual hosts of a route
	// configuration are in the order of their names: Envoy Gateway orders them by the paths of
	// their routes, so any route may change its order.
	Routes func() *xds.RouteIndex

	computed sync.Map // results of ComputeOnce, by key
	counts   Counts   // see [Input.Counted]
	of       *Input   // the input with computed, if it is another one
}

// Has reports whether the call contains resources of a kind. A translation with routes only
// lacks a kind if Envoy Gateway is configured not to include it in the hook, or if an
// extension server before egraft lost the resources.
func (in *Input) Has(k Kind) bool { return slices.Contains(in.Kinds, k) }

// Past returns copies of the policies in effect that exceed a limit of the operator, with the
// reason as their error, by [policy.Object.String]. The policies must be of one kind, oldest first.
// Mutators must treat the copies like invalid policies.
func (in *Input) Past(inEffect []*policy.Object) map[string]*policy.Object {
	if in.Excess == nil {
		return nil
	}
	out := map[string]*policy.Object{}
	for o, err := range in.Excess(inEffect) {
		out[o.String()] = o.WithError(err)
	}
	return out
}

// NotIncluded is the message for a policy that is not in effect because the translation has no
// resources of a kind, see [Input.Has].
func NotIncluded(k Kind) string {
	return fmt.Sprintf("the Translation hook came without resources of kind %s, which egraft config envoy-gateway includes", k)
}

// Adder adds resources to a translation.
type Adder interface {
	// Add returns the resources that the translation must have, starting with those of the
	// oldest policy: at most 1,000 of each kind are added. A resource that already exists is
	// not added again; one with the same name but different content is left unmodified and
	// reported. If an addition is not made, the mutator has failed on every resource that it
	// made refer to it by name. If Add fails, the mutator has failed on all resources that it
	// changed. A failure of Add, or of an addition to which nothing refers, affects all
	// policies.
	Add(ctx context.Context, in *Input) (Additions, error)
}

// Additions are resources to add to a translation. Envoy Gateway does not accept endpoints in
// the response, so a cluster must contain its own load assignment.
type Additions struct {
	Clusters []*clusterv3.Cluster
	Secrets  []*tlsv3.Secret
}

// Reporter returns the outcomes of the policies of a call. The engine does not call it for a
// single resource without policies.
type Reporter interface {
	Report(in *Input) []PolicyOutcome
}

// PolicyOutcome is the outcome of one policy, filter or backend in one call. Users see it as
// an Event, and for filters and backends also as conditions, if their kind has them
// ([policy.Kind.WithConditions]). Conditions cover the whole object: if the calls of a
// translation have different outcomes, one that is not Programmed is shown.
type PolicyOutcome struct {
	Policy *policy.Object
	Reason Reason
	// Message is for users: what the policy changed, or why it changed nothing.
	Message string
	// Enforced is the reason that a policy with the reason Shadow would have if it were enforced.
	Enforced Reason
}

// Reason classifies a [PolicyOutcome], with the names of Kubernetes condition reasons.
type Reason string

const (
	// Pending means that the outcome is not known before the translation that follows. It is
	// not shown. If a mutator of the feature failed on the single resource of the call, the
	// outcome is ApplyFailed instead.
	Pending Reason = ""
	// Programmed means that the policy is in effect on every target on which it has precedence.
	Programmed Reason = "Programmed"
	// Conflicted means that a policy with precedence, usually an older one, has the same target.
	Conflicted Reason = "Conflicted"
	// Invalid means that the policy is invalid: the failure policy applies to its targets.
	Invalid Reason = "Invalid"
	// TargetNotFound means that no resource belongs to any of the policy's targets.
	TargetNotFound Reason = "TargetNotFound"
	// MatchedNothing means that the policy is valid, but selects no resource of its targets.
	MatchedNothing Reason = "MatchedNothing"
	// ApplyFailed means that the policy is valid, but could not be applied.
	ApplyFailed Reason = "ApplyFailed"
	// Overridden means that more specific policies cover all of its targets.
	Overridden Reason = "Overridden"
	// Shadow means that the policy's effect is Shadow: it changes nothing, and the message describes
	// what it would do. Features do not need to handle it: egraft runs them again for such policies.
	Shadow Reason = "Shadow"
)
