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

// Input is what one call of Envoy Gateway says besides the resources. It is shared by
// all mutators of the call, and by calls that say the same, and must not be changed.
type Input struct {
	// Hook is the hook that was called.
	Hook Hook
	// Objects are the custom resources of the call, older ones first: policies in the
	// Route, HTTPListener and Translation hooks, filters in Route, backends in Cluster.
	Objects *policy.Set
	// Hostnames of the virtual host that a route belongs to (Route hook only).
	Hostnames []string
	// Kinds are those of the resources that came with the call, see [Input.Has].
	Kinds []Kind
	// Excess says which of the policies in effect, given with the oldest first, are past a limit
	// that the operator set for their namespace, and why. It is nil if there is no limit, see
	// [Input.Past].
	Excess func(inEffect []*policy.Object) map[*policy.Object]error
	// Routes tells which listeners and routes lead to a cluster (Translation hook only,
	// nil elsewhere). It is computed at the first call.
	Routes func() *xds.RouteIndex

	computed sync.Map // what ComputeOnce computed, by its key
}

// Has tells whether the call brought resources of a kind. In a translation with routes it
// brings none only if Envoy Gateway is told not to include the kind in the hook, or an
// extension server before egraft lost them.
func (in *Input) Has(k Kind) bool { return slices.Contains(in.Kinds, k) }

// Past returns copies of those policies in effect that are past a limit of the operator's, with
// the reason as their error, by [policy.Object.String]. The policies are of one kind and given with
// the oldest first. What a mutator makes of them is what it makes of policies that are not valid.
func (in *Input) Past(inEffect []*policy.Object) map[string]*policy.Object {
	if in.Excess == nil {
		return nil
	}
	out := map[string]*policy.Object{}
	for o, err := range in.Excess(inEffect) {
		past := *o
		past.Err = err
		out[o.String()] = &past
	}
	return out
}

// NotIncluded says of a kind that a translation lacks, see [Input.Has], why a policy is not in
// effect.
func NotIncluded(k Kind) string {
	return fmt.Sprintf("the Translation hook came without resources of kind %s, which egraft config envoy-gateway includes", k)
}

// Adder adds resources to a translation.
type Adder interface {
	// Add returns the resources that the translation must have, those of the oldest policy
	// first: of each kind 1,000 are added and the rest is not. One that is there already is
	// not added again; one of that name but with other content is left as it is and reported.
	// A mutator of the Translation hook has failed on a resource that it made refer to what
	// is not added, by its name in a field of its own, and on all that it changed if Add fails.
	// What is not added and nothing refers to is a failure that bears on all policies, and so is
	// one of Add.
	Add(ctx context.Context, in *Input) (Additions, error)
}

// Additions are resources to add to a translation. Endpoints are not among what Envoy
// Gateway takes back, so a cluster carries its own load assignment.
type Additions struct {
	Clusters []*clusterv3.Cluster
	Secrets  []*tlsv3.Secret
}

// Reporter tells what became of the policies of a call. It is not asked about a call for a
// single resource that brings none.
type Reporter interface {
	Report(in *Input) []PolicyOutcome
}

// PolicyOutcome says what became of one policy, filter or backend in one call. Users read
// it as an Event; of filters and backends it becomes conditions, too, if their kind has
// them ([policy.Kind.WithConditions]). Those are about the object as a whole: where calls
// of one translation disagree, one of them that is not Programmed is shown.
type PolicyOutcome struct {
	Policy *policy.Object
	Reason Reason
	// Message is for people: what the policy changed, or why it changed nothing.
	Message string
	// Enforced is the reason that a policy with the reason Shadow would have if it were enforced.
	Enforced Reason
}

// Reason classifies a [PolicyOutcome]; the words are those of Kubernetes conditions.
type Reason string

const (
	// Pending means that there is nothing to tell yet, because the translation that follows
	// knows the whole. It is not shown, unless a mutator of the feature failed on the single
	// resource of the call: then it is ApplyFailed.
	Pending Reason = ""
	// Programmed means that the policy is in effect on every target that it won.
	Programmed Reason = "Programmed"
	// Conflicted means that a policy with precedence, usually an older one, has the same target.
	Conflicted Reason = "Conflicted"
	// Invalid means that the policy is wrong; its targets get the failure policy.
	Invalid Reason = "Invalid"
	// TargetNotFound means that no resource belongs to any of the policy's targets.
	TargetNotFound Reason = "TargetNotFound"
	// ApplyFailed means that the policy is right and could not be applied even so.
	ApplyFailed Reason = "ApplyFailed"
	// Overridden means that more specific policies cover all of its targets.
	Overridden Reason = "Overridden"
	// Shadow means that the policy's effect is Shadow: it changes nothing, and the message tells what
	// it would do. Features need not know it: egraft evaluates them once more for such policies.
	Shadow Reason = "Shadow"
)
