package engine

import (
	"context"
	"sync/atomic"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Effect is what one mutator did to one resource. Applying all effects of a call to its resources
// in order gives the response.
type Effect struct {
	// Feature is empty for what egraft does for all features at the end of a translation: it
	// removes route metadata, releases held routes and changes routes to renamed clusters.
	Feature string
	Kind    mutator.Kind
	// Name is the name of the resource before its first mutator.
	Name string
	// CopyOf is the name of the cluster of which an added cluster is a copy.
	CopyOf string
	// Policies are the custom resources that caused the effect. If Uncertain is set, the mutator
	// does not name them, and these are all of its feature in the call.
	Policies  []*policy.Object
	Uncertain bool
	// Shadow is set for an effect that would occur if the custom resources with the effect Shadow
	// were enforced. It is not part of the response and comes after all effects that are.
	Shadow bool
	// Before and After are the resource as encoded messages, including secrets. Before is nil for
	// an added resource, After for a pruned one, and both for one that could not be added.
	Before, After []byte
	Result
	// Err is the reason of every result except Applied, Unchanged, Added and Pruned.
	Err error
}

// Changed reports whether the effect changed the response.
func (e *Effect) Changed() bool {
	return (e.Before == nil) != (e.After == nil) || string(e.Before) != string(e.After)
}

// placed is an effect and the resource of the call that it applies to.
type placed struct {
	spot
	Effect
}

// nowhere is the spot of effects on resources that are not in the call.
var nowhere = spot{-1, -1}

// Explain responds to a call as [Engine.Run] does, and returns what each mutator did, in order of
// execution. It runs without the cache and does not change the health, quarantine or statistics of
// the engine. With an error, it returns the effects until then.
func (e *Engine) Explain(ctx context.Context, call *Call) (*Response, []Effect, error) {
	if e.isUnused(call) {
		res, err := e.Run(ctx, call)
		return res, nil, err
	}
	r := e.recording(call.Hook)
	res, err := r.watch(ctx, call)
	if res == nil {
		return nil, nil, err
	}
	if err == nil {
		r.addShadow(ctx, call, res)
	}
	effects := make([]Effect, len(res.effects))
	for i := range res.effects {
		effects[i] = res.effects[i].Effect
	}
	return res, append(effects, res.shadowEffects...), err
}

// recording returns an engine for one call with the same features that records effects.
func (e *Engine) recording(h mutator.Hook) *Engine {
	r := &Engine{
		features: e.features, variants: e.variants, read: e.read, hosts: e.hosts, lastHost: new(atomic.Uint64), excess: e.excess,
		sandbox: e.explaining, reads: e.explaining, recordsEffects: true, isShadow: e.isShadow,
		chains: map[mutator.Hook]map[mutator.Kind]runner{h: chainsOf(h, e.features, e.variants, e.explaining, true)},
	}
	if e.shadow != nil {
		r.shadow = e.shadow.recording(h)
	}
	return r
}

// place adds the effects on a resource of the call.
func (r *Response) place(at spot, effects []Effect) {
	for _, e := range effects {
		r.effects = append(r.effects, placed{at, e})
	}
}
