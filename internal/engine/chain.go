package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// message is a resource with the validation that protoc-gen-validate generates.
type message interface {
	proto.Message
	ValidateAll() error
}

// chain holds the mutators of one resource kind, in order.
type chain[T message] struct {
	hook    mutator.Hook
	kind    mutator.Kind
	fields  wire.FieldNumbers
	maps    func() *wire.Maps // of the resource, computed on first use
	empty   T
	deny    func(T) error
	links   []link[T]
	sandbox *sandbox.Sandbox
	keys    map[string][]string // by feature, see [ownKeys]

	recordsEffects bool // see [Engine.Explain]
}

// link is one feature's mutator in a chain.
type link[T message] struct {
	feature string
	owner   string // in the sandbox: the feature, except for the engine's own code
	onError mutator.FailurePolicy
	mutator mutator.Planner[T]
	kinds   []policy.Kind // of custom resources that the feature reads
	renames bool          // renames clusters, see [mutator.Feature]
	counts  bool          // whether edits can use [mutator.Count]
}

// add adds the chain of one kind to m if any feature has a mutator for the kind in the hook.
func add[T message](
	m map[mutator.Kind]runner, g *sandbox.Sandbox, h mutator.Hook, features []mutator.Feature,
	kind mutator.Kind, empty T, deny func(T) error, of func(mutator.Feature) mutator.Planner[T], recordsEffects bool,
) {
	maps := sync.OnceValue(func() *wire.Maps { return wire.MapsOf(empty) })
	c := &chain[T]{hook: h, kind: kind, fields: wire.FieldNumbersOf(empty), maps: maps, empty: empty, deny: deny, sandbox: g, keys: ownKeys(features), recordsEffects: recordsEffects}
	for _, f := range features {
		if planner := of(f); planner != nil && f.Uses(h) {
			renames := f.RenamesClusters && kind == mutator.KindCluster && h == mutator.HookTranslation
			owner := f.Name
			if _, leads := any(planner).(variantRoutes); leads {
				owner = leadingOwner(f.Name)
			}
			c.links = append(c.links, link[T]{f.Name, owner, f.FailurePolicy, planner, slices.Concat(f.Policies, f.Filters, f.Backends), renames, f.Rejects != nil})
		}
	}
	if len(c.links) > 0 {
		m[kind] = c
	}
}

// step is a mutator's plan for a resource, or the error of Plan.
type step[T message] struct {
	link[T]
	position int // in the chain
	plan     *mutator.Plan[T]
	failure  error
}

// plan appends the steps of all mutators with a plan.
func (c *chain[T]) plan(ctx context.Context, in *mutator.Input, view *wire.View, raw []byte, steps []step[T]) []step[T] {
	for i := range c.links {
		l := &c.links[i]
		if plan, failure := c.query(ctx, in, l, view, raw); plan != nil || failure != nil {
			steps = append(steps, step[T]{*l, i, plan, failure})
		}
	}
	return steps
}

// run runs the steps on a resource. If none changes it, the result has raw itself.
func (c *chain[T]) run(ctx context.Context, in *mutator.Input, steps []step[T], raw []byte, name string, h *sandbox.Goroutine) resourceResult {
	r := &resource[T]{chain: c, goroutine: h, name: name, original: raw, encoded: raw}
	var all []*Outcome
	var effects []Effect
	var kept []byte
	for i, s := range steps {
		before := r.encoded
		result, err := c.step(ctx, in, s, r, raw)
		if result == "" {
			return resourceResult{raw: raw, result: &chainResult{outcomes: all, effects: effects}, err: err}
		}
		o := &Outcome{Feature: s.feature, Kind: c.kind, Name: name, Result: result, Err: err}
		if err != nil {
			o.affected, o.affectsAll = c.affectedBy(ctx, &s, raw)
		}
		all = append(all, outcomes(o)...)
		if err == nil {
			all = append(all, r.partialOutcomes(o)...)
		}
		if c.recordsEffects {
			effects = append(effects, c.effects(ctx, in, &s, r, o, before)...)
		}
		if result == CallFailed {
			err = fmt.Errorf("mutator %s on %s %q: %w", s.feature, c.kind, name, err)
			return resourceResult{raw: raw, result: &chainResult{outcomes: all, effects: effects}, err: err}
		}
		if result == Denied {
			r.references = nil
			break // no later mutator may re-enable traffic
		}
		if s.renames && result == Applied && c.name(before) == name && c.name(r.encoded) != name {
			kept = c.withoutRenames(ctx, in, steps[i+1:], before, raw, h)
		}
	}
	was := ""
	if now := c.name(r.encoded); now != name {
		was, name = name, strings.Clone(now)
	}
	return resourceResult{raw: r.encoded, result: &chainResult{name: name, was: was, kept: kept, outcomes: all, effects: effects, references: r.references, counts: r.counts}}
}

// partialOutcomes returns the outcomes of custom resources that could not be applied to their part
// of the resource, in addition to the outcome of the edit.
func (r *resource[T]) partialOutcomes(of *Outcome) []*Outcome { return partialOutcomes(of, r.partial) }

func partialOutcomes(of *Outcome, failures []mutator.PartialFailure) (all []*Outcome) {
	for _, f := range failures {
		o := *of
		o.Result, o.Err, o.affected, o.affectsAll, o.partial = Ignored, f.Err, f.Policies, len(f.Policies) == 0, true
		if f.Denied {
			o.Result = Denied
		}
		all = append(all, &o)
	}
	return all
}

// withoutRenames returns a renamed resource as it would be without the mutators that rename, so
// that Envoy sees no change when the name changes and reverts; nil if it is unmodified.
func (c *chain[T]) withoutRenames(ctx context.Context, in *mutator.Input, rest []step[T], before, raw []byte, h *sandbox.Goroutine) []byte {
	others := slices.DeleteFunc(slices.Clone(rest), func(s step[T]) bool { return s.renames })
	if a := c.run(ctx, in, others, before, strings.Clone(c.name(before)), h); a.err == nil {
		before = a.raw
	}
	if bytes.Equal(before, raw) {
		return nil // also keeps the cache from retaining the call's bytes
	}
	return before
}

// without runs the chain on a resource as if some mutators had failed, by owner.
func (c *chain[T]) without(ctx context.Context, in *mutator.Input, raw []byte, failed map[string]error) resourceResult {
	view, h := wire.NewView(c.fields, raw), c.sandbox.Goroutine()
	defer h.Release()
	steps := c.plan(ctx, in, view, raw, nil)
	for i := range steps {
		if err := failed[steps[i].owner]; err != nil && steps[i].failure == nil {
			steps[i].failure = err
		}
	}
	return c.run(ctx, in, steps, raw, strings.Clone(view.Name()), h)
}

// denyResource denies a resource for a feature.
func (c *chain[T]) denyResource(raw []byte, feature string, reason error) resourceResult {
	r := &resource[T]{chain: c, name: strings.Clone(c.name(raw)), encoded: raw}
	result, err := c.denied(r, reason)
	o := &Outcome{Feature: feature, Kind: c.kind, Name: r.name, Result: result, Err: err, affectsAll: true}
	a := resourceResult{raw: r.encoded, result: &chainResult{name: r.name, outcomes: []*Outcome{o}}}
	if c.recordsEffects {
		a.result.effects = []Effect{{Feature: feature, Kind: c.kind, Name: r.name, Before: raw, After: r.encoded, Result: result, Err: err}}
	}
	if result != Denied {
		o.Result, a.err = CallFailed, fmt.Errorf("mutator %s on %s %q: %w", feature, c.kind, r.name, err)
	}
	return a
}

// name returns the name of an encoded resource.
func (c *chain[T]) name(raw []byte) string { return wire.NewView(c.fields, raw).Name() }

func (c *chain[T]) sorted(raw []byte) []byte {
	content := bytes.Clone(raw)
	c.maps().Sort(content)
	return content
}
