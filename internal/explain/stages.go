package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

func identityOf(o *policy.Object) identity {
	return identity{o.GroupVersionKind.Group, o.GroupVersionKind.Kind, o.Namespace, o.Name}
}

func (o *object) identity() identity { return identity{o.gvk.Group, o.gvk.Kind, o.namespace, o.name} }

// stageNames are the names of the stages, in order.
var stageNames = []string{"known to Envoy Gateway", "sent to egraft", "applied by egraft", "active in Envoy"}

// Summaries of stages that are unknown.
const (
	notExamined = "not examined"
	notReached  = "not reached"
)

// NewStage returns a stage in a state.
func NewStage(number int, state State, summary string, findings ...Finding) Stage {
	return Stage{Number: number, Name: stageNames[number-1], State: state, Summary: summary, Findings: findings}
}

// note records an outcome of a call.
func (s *subject) note(h mutator.Hook, at string, p mutator.PolicyOutcome) {
	code, ok := finding.OfReason(string(p.Reason))
	if !ok {
		return
	}
	o := Outcome{Hook: h, Subject: at, Code: code.ID, Reason: string(p.Reason), Enforced: string(p.Enforced), Message: p.Message}
	s.Shadow = s.Shadow || p.Reason == mutator.Shadow
	if !slices.Contains(s.Outcomes, o) {
		s.Outcomes = append(s.Outcomes, o)
	}
	if s.Generation == 0 {
		s.Generation = p.Policy.Generation
	}
}

// has reports whether the policy has an outcome with one of the reasons, or would have it if it were enforced.
func (s *subject) has(reasons ...mutator.Reason) bool {
	return slices.ContainsFunc(s.Outcomes, func(o Outcome) bool {
		return slices.Contains(reasons, mutator.Reason(o.Reason)) || slices.Contains(reasons, mutator.Reason(o.Enforced))
	})
}

// examine fills in the stages that calls give information about.
func (e *examination) examine(s *subject, seen *Seen) {
	s.Stages = []Stage{
		NewStage(StageKnown, Unknown, notExamined), e.sent(s, seen), NewStage(StageApplied, Unknown, notReached),
		NewStage(StageActive, Unknown, notExamined),
	}
	if s.Stages[StageSent-1].State == Failed {
		s.Stages[StageActive-1].Summary = notReached
	}
	if s.calls > 0 && s.Stages[StageSent-1].State != Failed {
		if s.Stages[StageApplied-1] = s.applied(); s.Stages[StageApplied-1].State == Failed {
			s.Stages[StageActive-1].Summary = notReached
		}
	}
	s.Policy.conclude()
}

// conclude derives StoppedAt and InEffect from the stages.
func (p *Policy) conclude() {
	p.StoppedAt, p.InEffect = 0, !p.Shadow
	for _, s := range p.Stages {
		if s.State == Failed && p.StoppedAt == 0 {
			p.StoppedAt, p.InEffect = s.Number, false
		}
	}
}

// sent returns the second stage.
func (e *examination) sent(s *subject, seen *Seen) Stage {
	if e.report.Calls.Count == 0 {
		return failed(StageSent, Find(finding.NeverCalled, "egraft has received no call from Envoy Gateway"))
	}
	var wrong []Finding
	if s.object != nil && !e.isReferenced(s.Policy) {
		wrong = advise(s.object, seen)
	}
	switch {
	case s.calls == 0 && len(wrong) > 0:
		return failed(StageSent, wrong...)
	case s.calls == 0:
		return failed(StageSent, e.notSent(s, seen))
	case s.has(mutator.TargetNotFound) && !s.has(mutator.Programmed) && len(wrong) > 0:
		return failed(StageSent, wrong...)
	case s.has(mutator.TargetNotFound) && !s.has(mutator.Programmed) && !seen.Routes:
		return failed(StageSent, Find(finding.RoutesNotIncluded, "the Translation hook does not include routes, so egraft cannot tell which resources belong to a target"))
	}
	summary := fmt.Sprintf("in %d of %d calls", s.calls, e.report.Calls.Count)
	if len(s.gateways) > 0 {
		summary += ", for Gateway " + list(s.gateways)
	}
	wrong = slices.DeleteFunc(wrong, func(f Finding) bool {
		return f.Code == finding.RoutesNotIncluded.ID || f.Code == finding.SelectsNothing.ID // the outcome is more precise
	})
	if len(wrong) > 0 {
		return NewStage(StageSent, Warning, summary, wrong...)
	}
	return NewStage(StageSent, OK, summary)
}

func failed(number int, findings ...Finding) Stage {
	return NewStage(number, Failed, findings[0].Message, findings...)
}

// isReferenced reports whether routes refer to custom resources of the kind, as they do to filters
// and backends.
func (e *examination) isReferenced(p *Policy) bool {
	for i := range e.features {
		f := &e.features[i]
		if slices.ContainsFunc(slices.Concat(f.Filters, f.Backends), func(k policy.Kind) bool { return k.Group == p.Group && k.Kind == p.Kind }) {
			return true
		}
	}
	return false
}

// notSent returns the finding about a custom resource that no call contains.
func (e *examination) notSent(s *subject, seen *Seen) Finding {
	code, message := finding.NotSent, "no call of Envoy Gateway contains "+s.String()
	if e.isReferenced(s.Policy) {
		code, message = finding.NotReferenced, message+", so no route that it accepts refers to it"
	}
	if s.object == nil {
		var names []string
		for _, name := range seen.Policies {
			if rest, ok := strings.CutPrefix(name, s.Kind+" "); ok {
				names = append(names, rest)
			}
		}
		message += suggest(s.Namespace+"/"+s.Name, names, s.Kind+" ") + existing(s.Kind, names)
	} else if code == finding.NotSent && s.object.targetsRoutesOnly() {
		message += "; Envoy Gateway before 1.9 does not send policies that target routes"
	}
	return Find(code, message)
}

// applied returns the third stage.
func (s *subject) applied() Stage {
	var bad, good []Outcome
	for _, o := range s.Outcomes {
		if s.Shadow && o.Enforced == string(mutator.Programmed) {
			o.Reason = string(mutator.Programmed) // a Shadow gets no further
		}
		if mutator.Reason(o.Reason) == mutator.Programmed {
			good = append(good, o)
		} else {
			bad = append(bad, o)
		}
	}
	findings := make([]Finding, 0, len(bad))
	for _, o := range bad {
		code, _ := finding.OfReason(o.Reason)
		if f := Find(code, o.Message); !slices.Contains(findings, f) {
			findings = append(findings, f)
		}
	}
	switch {
	case len(bad) == 0 && len(good) == 0 && !s.settled:
		return failed(StageApplied, Find(finding.Pending, "no translation has followed the call that contains "+s.String()))
	case len(bad) == 0 && len(good) == 0:
		return NewStage(StageApplied, OK, "egraft has received it, but its feature reports no outcome")
	case s.Shadow && len(bad) == 0:
		return NewStage(StageApplied, OK, good[0].Message)
	case len(good) == 0 || s.has(mutator.Invalid, mutator.ApplyFailed):
		return failed(StageApplied, findings...)
	case len(bad) > 0:
		return NewStage(StageApplied, Warning, good[0].Message, findings...)
	}
	st := NewStage(StageApplied, OK, good[0].Message)
	for _, o := range good[1:] {
		if !slices.Contains(st.Details, o.Message) && o.Message != st.Summary {
			st.Details = append(st.Details, o.Message)
		}
	}
	return st
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
