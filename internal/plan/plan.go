// Package plan reports what would change in Envoy if custom resources were applied or deleted: it
// replays the last calls of each Gateway in a recording, with and without the changes.
//
// It must not read files, print anything but its report, or send anything to Envoy.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// Planner makes plans.
type Planner struct {
	Engine *engine.Engine
	// Features are the features of the engine.
	Features []mutator.Feature
	// Now is the creation time of custom resources that have none.
	Now time.Time
}

// Changes are the custom resources to apply and to delete.
type Changes struct {
	Apply, Delete []*objectfile.Object
}

// Plan replays the last translation of each Gateway unmodified, and with the changes.
func (p *Planner) Plan(ctx context.Context, r *recording.Recording, c Changes) (*Report, error) {
	latest := r.Latest()
	if len(latest) == 0 {
		return nil, errors.New("the recording has no call of the Translation hook")
	}
	plan := &planning{Planner: p, changes: c, existing: existing(r), sent: map[string]bool{}, report: &Report{Version: 1, Gateways: []Gateway{}, Policies: []Outcome{}}}
	for _, t := range latest {
		if t.Abridged {
			return nil, errors.New("a call refers to resources of earlier calls: a plan requires calls as Envoy Gateway made them")
		}
		if err := plan.translation(ctx, t, r.Singles(t)); err != nil {
			return nil, fmt.Errorf("gateway %s: %w", t.Gateway, err)
		}
	}
	plan.notSent()
	return plan.report, nil
}

// planning is the state of a plan in the making.
type planning struct {
	*Planner
	changes  Changes
	existing map[string][]byte // custom resources of the recording, by name
	sent     map[string]bool   // applied ones that some call would contain, by name
	report   *Report
}

// translation compares a translation with its result after the changes.
func (p *planning) translation(ctx context.Context, t *recording.Call, singles []*recording.Call) error {
	before, beforeEffects, err := p.Engine.Explain(ctx, t.Call)
	if err != nil {
		return err
	}
	b := &rebuild{planning: p, gateway: before.Subject(), singles: singles}
	if t.Gateway != "" {
		b.gateway = t.Gateway
	}
	call, err := b.call(ctx, t.Call)
	if err != nil {
		return err
	}
	after, afterEffects, err := p.Engine.Explain(ctx, call)
	if err != nil {
		return fmt.Errorf("with the changes: %w", err)
	}
	resources, err := compare(before.Resources, after.Resources, owners(beforeEffects, afterEffects))
	if err != nil {
		return err
	}
	p.report.Gateways = append(p.report.Gateways, Gateway{Name: b.gateway, Resources: resources, before: before.Resources, after: after.Resources})
	p.outcomes(b.gateway, append(b.before, before.Policies...), append(b.after, after.Policies...))
	for _, o := range after.Outcomes {
		if o.Err != nil {
			p.fail(fmt.Sprintf("%s %s: %s: %s: %v", o.Kind, o.Name, o.Feature, o.Result, o.Err))
		}
	}
	for _, w := range after.Warnings {
		p.fail(w.Error())
	}
	for _, w := range b.warnings {
		p.fail(w)
	}
	return nil
}

func (p *planning) fail(text string) {
	if !slices.Contains(p.report.Failures, text) {
		p.report.Failures = append(p.report.Failures, text)
	}
}

// outcomes adds the outcomes of applied custom resources, and those that change.
func (p *planning) outcomes(gateway string, before, after []mutator.PolicyOutcome) {
	was, is := byPolicy(before), byPolicy(after)
	for _, name := range append(keys(after), keys(before)...) {
		o := Outcome{Policy: name, Gateway: gateway, Before: was[name].Reason, Reason: is[name].Reason, Message: is[name].Message, Enforced: is[name].Enforced}
		same := was[name].Reason == is[name].Reason && was[name].Message == is[name].Message
		if same && !p.isApplied(name) {
			continue
		}
		if !slices.ContainsFunc(p.report.Policies, func(have Outcome) bool { return have.Policy == name && have.Gateway == gateway }) {
			p.report.Policies = append(p.report.Policies, o)
		}
	}
}

func (p *planning) isApplied(name string) bool {
	return slices.ContainsFunc(p.changes.Apply, func(o *objectfile.Object) bool { return o.String() == name })
}

// byPolicy returns the last outcome of each custom resource.
func byPolicy(all []mutator.PolicyOutcome) map[string]mutator.PolicyOutcome {
	out := map[string]mutator.PolicyOutcome{}
	for _, o := range all {
		out[o.Policy.String()] = o
	}
	return out
}

func keys(all []mutator.PolicyOutcome) (names []string) {
	for _, o := range all {
		names = append(names, o.Policy.String())
	}
	return names
}

// notSent adds the custom resources that no call would contain.
func (p *planning) notSent() {
	for _, o := range p.changes.Apply {
		if p.sent[o.String()] {
			continue
		}
		p.report.NotSent = append(p.report.NotSent, NotSent{o.String(), p.whyNotSent(o)})
	}
	for _, o := range p.changes.Delete {
		if p.existing[o.String()] == nil {
			p.report.NotSent = append(p.report.NotSent, NotSent{o.String(), "no call in the recording contains it, so there is nothing to delete"})
		}
	}
}

func (p *planning) whyNotSent(o *objectfile.Object) string {
	kinds := func(f mutator.Feature) bool { return reads(&f, o) }
	if !slices.ContainsFunc(p.Features, kinds) {
		return "no enabled feature reads custom resources of this kind and version"
	}
	if !p.isPolicy(o) {
		return "no route in the recording refers to it: apply the route first, and plan with later calls"
	}
	if len(o.Spec.TargetSelectors) > 0 {
		return "only Envoy Gateway knows what targetSelectors select: name the targets in targetRefs"
	}
	var targets []string
	for _, t := range o.Targets() {
		targets = append(targets, t.Kind+" "+o.Metadata.Namespace+"/"+t.Name)
	}
	return "Envoy Gateway would not send it: no call in the recording contains its targets, " + strings.Join(targets, ", ")
}
