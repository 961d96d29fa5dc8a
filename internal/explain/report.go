// Package explain reports what Envoy Gateway sends about custom resources, Gateways, routes and
// clusters, what egraft does with it, and why a policy has no effect. It replays recorded calls
// through an engine that records effects.
//
// It must not read files or open connections: what is known of a cluster or of Envoy comes in
// through [Outside].
package explain

import (
	"time"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/mutator"
)

// Version is the version of the JSON form of a [Report]. Fields may be added within a version.
const Version = 1

// Report is the result of an explanation. It marshals to the document described in docs/explain.md.
type Report struct {
	Version int    `json:"version"`
	Subject string `json:"subject"`
	// Calls are the examined calls.
	Calls Calls `json:"calls"`
	// Findings are about the subject or the calls as a whole.
	Findings []Finding `json:"findings,omitempty"`
	// Policies are policies, filters and backends, by feature and kind, the older ones first.
	Policies []*Policy `json:"policies"`
	// Changes are the changes of the subject, if it is a Gateway, a route or a cluster.
	Changes *Changes `json:"changes,omitempty"`
	// Seen are the names in calls, if requested.
	Seen *Seen `json:"seen,omitempty"`
}

// Calls describes the calls that a report is based on.
type Calls struct {
	// Count is the number of calls, and Translations how many of them are of the Translation hook.
	Count        int `json:"count"`
	Translations int `json:"translations"`
	// Gateways are the Gateways of the calls, as namespace/name.
	Gateways []string `json:"gateways"`
	// Last is the time of the last call, if known.
	Last *time.Time `json:"last,omitempty"`
	// Errors are of calls that failed, and Warnings are about calls that did not.
	Errors   []string `json:"errors,omitempty"`
	Warnings []string `json:"warnings,omitempty"`
}

// Policy is a policy, filter or backend on its way through the stages.
type Policy struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Feature   string `json:"feature,omitempty"`
	// Generation is the generation of the object in the calls, 0 if unknown.
	Generation int64 `json:"generation,omitempty"`
	// InEffect is true if no examined stage failed and the policy is not a Shadow.
	InEffect bool `json:"inEffect"`
	// Shadow is true if the policy's effect is Shadow: its changes are those that it would make.
	Shadow bool `json:"shadow,omitempty"`
	// StoppedAt is the number of the first stage that failed, 0 if none did.
	StoppedAt int `json:"stoppedAt,omitempty"`
	// Stages are the four stages in order.
	Stages []Stage `json:"stages"`
	// Outcomes are the outcomes in the last calls.
	Outcomes []Outcome `json:"outcomes,omitempty"`
	// Changes are what the policy changed.
	Changes *Changes `json:"changes,omitempty"`
	// Wanted are the resources that Envoy should have, if requested.
	Wanted []Wanted `json:"wanted,omitempty"`
}

// String returns "Kind namespace/name".
func (p *Policy) String() string { return p.Kind + " " + p.Namespace + "/" + p.Name }

// The stages of a policy.
const (
	StageKnown = iota + 1
	StageSent
	StageApplied
	StageActive
)

// State is the state of a stage.
type State string

// The states of a stage.
const (
	// OK means that the policy passed the stage.
	OK State = "ok"
	// Warning means that the policy passed the stage with a problem.
	Warning State = "warning"
	// Failed means that the policy did not pass the stage.
	Failed State = "failed"
	// Unknown means that the stage was not examined, or that the policy did not reach it.
	Unknown State = "unknown"
)

// Stage is one of the four stages of a policy.
type Stage struct {
	Number int    `json:"stage"`
	Name   string `json:"name"`
	State  State  `json:"state"`
	// Summary is one line.
	Summary string `json:"summary,omitempty"`
	// Findings are the reasons of a state that is not [OK].
	Findings []Finding `json:"findings,omitempty"`
	// Details are lines for people to read.
	Details []string `json:"details,omitempty"`
}

// Finding is a code with a message about the affected object.
type Finding struct {
	Code    string `json:"code"`
	Name    string `json:"name"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
	Link    string `json:"link"`
}

// Find returns a finding with the code.
func Find(c finding.Code, message string) Finding {
	return Finding{Code: c.ID, Name: c.Name, Message: message, Remedy: c.Remedy, Link: c.Link()}
}

// Outcome is the outcome of a policy in a call.
type Outcome struct {
	Hook mutator.Hook `json:"hook"`
	// Subject is the Gateways of a translation as namespace/name, separated by commas, or the name of
	// the resource.
	Subject string `json:"subject"`
	Code    string `json:"code"`
	Reason  string `json:"reason"`
	// Enforced is the reason that a Shadow would have if it were enforced.
	Enforced string `json:"enforced,omitempty"`
	Message  string `json:"message"`
}

// Changes are changes of resources.
type Changes struct {
	// Summary counts all of them.
	Summary []Summary `json:"summary"`
	// Resources are the first changed ones.
	Resources []Change `json:"resources"`
	// Omitted is the number of further ones.
	Omitted int `json:"omitted,omitempty"`
}

// Summary counts changes of one kind of resource with one result by one feature.
type Summary struct {
	Feature string       `json:"feature"`
	Kind    mutator.Kind `json:"kind"`
	Result  string       `json:"result"`
	Code    string       `json:"code"`
	Shadow  bool         `json:"shadow,omitempty"`
	Count   int          `json:"count"`
	// Fields are the first paths of changed fields, without names and indexes.
	Fields []string `json:"fields,omitempty"`
}

// Change is what one feature did with one resource.
type Change struct {
	Hook    mutator.Hook `json:"hook"`
	Gateway string       `json:"gateway,omitempty"`
	Feature string       `json:"feature"`
	Kind    mutator.Kind `json:"kind"`
	Name    string       `json:"name"`
	// NewName is the new name of a renamed resource, and CopyOf the cluster that an added one is a copy of.
	NewName string `json:"newName,omitempty"`
	CopyOf  string `json:"copyOf,omitempty"`
	// Shadow is true if the change would only be made if policies with the effect Shadow were enforced.
	Shadow bool `json:"shadow,omitempty"`
	// Op is + for an added resource, - for a removed one, ~ for a changed one, and empty for one
	// that is unmodified because the mutator failed.
	Op     diff.Op `json:"op"`
	Result string  `json:"result"`
	Code   string  `json:"code"`
	// Cause is the code of the panic, timeout or quarantine because of which the mutator failed, if any.
	Cause string `json:"cause,omitempty"`
	// Error is why the mutator failed.
	Error string `json:"error,omitempty"`
	// Policies are the policies that caused the change.
	Policies []string `json:"policies,omitempty"`
	// Diff has the changed fields, if requested. An added or removed resource is one change without a path.
	Diff *diff.Result `json:"diff,omitempty"`
}
