package engine

import (
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Call is one call of Envoy Gateway: a hook, the custom resources that came with it as
// JSON, and the resources as encoded messages.
type Call struct {
	Hook mutator.Hook
	// Objects are policies, filters or backends.
	Objects [][]byte
	// Hostnames come with the Route hook.
	Hostnames []string
	// Resources are lists of encoded messages in the order of the call. The engine does
	// not change the bytes.
	Resources []Resources
}

// Resources are the resources of one kind.
type Resources struct {
	Kind    mutator.Kind
	Encoded [][]byte
}

// Response is the response to a [Call]: Resources correspond to those of the call, followed
// by what was added. An unmodified resource is the very bytes of the call.
type Response struct {
	Resources []Resources
	// Outcomes has an entry for each mutator with a plan for a resource. Other responses may
	// share them: they must not be changed.
	Outcomes []*Outcome
	// Policies are the outcomes of policies.
	Policies []mutator.PolicyOutcome
	// Subject returns what the call is about: the Gateways of a translation as
	// namespace/name, separated by commas, or the name of the resource. It may have to
	// decode the route configurations.
	Subject func() string
	// Warnings are faults of the call as a whole, for the log.
	Warnings []error

	failures  []*Outcome                // those of Outcomes that affect policies
	names     map[mutator.Kind][]string // of the resources of a list, empty where it is not known
	referring []referring               // resources with references that edits brought in
	renamed   []renamed                 // clusters
	transient bool                      // a plan has no cache key
	effects   []placed                  // if they are recorded
	counts    []placedCounts            // of features that count
	sums      map[string]mutator.Counts // of counts, by feature; nil if they are not known

	dangling      map[string]map[string]error // why features reject custom resources that refer to nothing, by ID
	shadowEffects []Effect                    // if they are recorded: those of custom resources with the effect Shadow
	state         *callState                  // nil in a response from the cache
	configs       []config                    // of the call
}

// Outcome is the result of a feature's mutator on one resource.
type Outcome struct {
	Feature string
	Kind    mutator.Kind
	Name    string
	Result
	// Err is the reason of everything but Applied and Unchanged.
	Err error

	affected   []*policy.Object // not in effect because of Err, in a translation
	affectsAll bool             // whether all of the feature can be affected, because it is not known which
	partial    bool             // of a [mutator.PartialFailure], which is part of the result of an edit
}

// Result classifies an [Outcome].
type Result string

const (
	// Applied means that the resource was changed.
	Applied Result = "applied"
	// Unchanged means that the edit changed nothing.
	Unchanged Result = "unchanged"
	// Denied means that the mutator failed and Envoy rejects the resource's traffic.
	Denied Result = "denied"
	// Ignored means that the mutator failed and the resource is unmodified.
	Ignored Result = "ignored"
	// CallFailed means that the mutator failed and with it the call.
	CallFailed Result = "call-failed"
	// Panicked is counted in addition to one of the three before.
	Panicked Result = "panicked"
	// TimedOut is counted in addition, when the mutator timed out.
	TimedOut Result = "timed-out"
	// Quarantined is counted in addition, when the mutator was not run because it
	// panicked or timed out on the same input a short time ago.
	Quarantined Result = "quarantined"
	// Added means that the resource was added to the translation.
	Added Result = "added"
	// Pruned means that the secret was removed from the translation, because nothing refers to
	// it any more.
	Pruned Result = "pruned"
	// NameConflict means that another owner's resource has the name of one to be added.
	NameConflict Result = "name-conflict"
)
