package engine

import (
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Call is a hook call of Envoy Gateway: the hook, its custom resources as JSON, and its resources
// as encoded messages.
type Call struct {
	Hook mutator.Hook
	// Objects are policies, filters or backends.
	Objects [][]byte
	// Hostnames are set in the Route hook.
	Hostnames []string
	// Resources are lists of encoded messages in the order of the call. The engine does not change
	// the bytes.
	Resources []Resources
}

// Resources are the resources of one kind.
type Resources struct {
	Kind    mutator.Kind
	Encoded [][]byte
}

// Response is the response to a [Call]: Resources correspond to those of the call, followed by
// added ones. An unmodified resource has the same bytes as in the call.
type Response struct {
	Resources []Resources
	// Outcomes has an entry for each mutator with a plan for a resource. They must not be changed
	// because other responses may share them.
	Outcomes []*Outcome
	// Policies are the outcomes of policies.
	Policies []mutator.PolicyOutcome
	// Subject returns what the call is about: the Gateways of a translation as namespace/name,
	// separated by commas, or the name of the resource. It may decode the route configurations.
	Subject func() string
	// Warnings are faults of the call as a whole, for the log.
	Warnings []error

	failures  []*Outcome                // the Outcomes that affect policies
	names     map[mutator.Kind][]string // of the resources of a list, empty where unknown
	referring []referring               // resources to which edits added references
	renamed   []renamed                 // clusters
	transient bool                      // a plan has no cache key
	effects   []placed                  // if recorded
	counts    []placedCounts            // of features that use counts
	sums      map[string]mutator.Counts // sums of counts by feature; nil if unknown

	dangling      map[string]map[string]error // why features reject custom resources with dangling references, by ID
	shadowEffects []Effect                    // if recorded: effects of custom resources with the effect Shadow
	state         *callState                  // nil in a cached response
	configs       []config                    // of the call
}

// Outcome is the result of a feature's mutator on one resource.
type Outcome struct {
	Feature string
	Kind    mutator.Kind
	Name    string
	Result
	// Err is the reason of every result except Applied and Unchanged.
	Err error

	affected   []*policy.Object // not in effect because of Err, in a translation
	affectsAll bool             // any policy of the feature may be affected, because it is not known which
	partial    bool             // of a [mutator.PartialFailure]; the rest of the edit applies
}

// Result classifies an [Outcome].
type Result string

const (
	// Applied means that the mutator changed the resource.
	Applied Result = "applied"
	// Unchanged means that the edit changed nothing.
	Unchanged Result = "unchanged"
	// Denied means that the mutator failed and Envoy rejects the resource's traffic.
	Denied Result = "denied"
	// Ignored means that the mutator failed and the resource is unmodified.
	Ignored Result = "ignored"
	// CallFailed means that the mutator failed, and so did the call.
	CallFailed Result = "call-failed"
	// Panicked is counted in addition to one of the three results above if the mutator panicked.
	Panicked Result = "panicked"
	// TimedOut is counted in addition if the mutator timed out.
	TimedOut Result = "timed-out"
	// Quarantined is counted in addition if the mutator was not run because it recently panicked or
	// timed out on the same input.
	Quarantined Result = "quarantined"
	// Added means that the resource was added to the translation.
	Added Result = "added"
	// Pruned means that the Secret was removed from the translation because it is unused.
	Pruned Result = "pruned"
	// NameConflict means that another owner's resource has the name of an addition.
	NameConflict Result = "name-conflict"
)
