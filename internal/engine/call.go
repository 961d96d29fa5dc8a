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

// Result is the answer to a [Call]: Resources correspond to those of the call, followed
// by what was added. A resource that nobody changed is the very bytes of the call.
type Result struct {
	Resources []Resources
	// Outcomes has an entry for each mutator that applied to a resource. Other results may
	// have the same ones, which must not be changed.
	Outcomes []*Outcome
	// Policies says what became of each policy.
	Policies []mutator.PolicyOutcome
	// Subject tells what the call is about: the Gateways of a translation as
	// namespace/name, separated by commas, or the name of the resource. It may have to
	// decode the route configurations.
	Subject func() string
	// Warnings are things wrong with the call sandbox.WholeCall, for the log.
	Warnings []error

	failures  []*Outcome                // those of Outcomes because of which policies are not in effect
	names     map[mutator.Kind][]string // of the resources of a list, empty where it is not known
	referring []referring               // resources with references that edits brought in
	renamed   []renamed                 // clusters
	transient bool                      // a mutator did not say what its result depends on
}

// Outcome says what a feature's mutator did to one resource.
type Outcome struct {
	Feature string
	Kind    mutator.Kind
	Name    string
	Verdict
	// Err is the reason of everything but Applied and Unchanged.
	Err error

	bearsOn []*policy.Object // that are not in effect because of Err, in a translation
	onAll   bool             // whether these may be all of the feature, because nobody tells which
}

// Verdict classifies an [Outcome].
type Verdict string

const (
	// Applied means that the resource was changed.
	Applied Verdict = "applied"
	// Unchanged means that the resource was already as the mutator wants it.
	Unchanged Verdict = "unchanged"
	// Denied means that the mutator failed and the resource now refuses traffic.
	Denied Verdict = "denied"
	// Ignored means that the mutator failed and the resource is as it was before.
	Ignored Verdict = "ignored"
	// CallFailed means that the mutator failed and with it the call.
	CallFailed Verdict = "call-failed"
	// Panicked is counted in addition to one of the three before.
	Panicked Verdict = "panicked"
	// TimedOut is counted in addition, when the mutator took longer than it may.
	TimedOut Verdict = "timed-out"
	// Quarantined is counted in addition, when the mutator was not run because it
	// panicked or timed out on the same input a short time ago.
	Quarantined Verdict = "quarantined"
	// Added means that the resource was added to the translation.
	Added Verdict = "added"
	// Pruned means that the secret was taken out of the translation, since nothing refers to
	// it any more.
	Pruned Verdict = "pruned"
	// NameConflict means that another owner's resource has the name of one to be added.
	NameConflict Verdict = "name-conflict"
)
