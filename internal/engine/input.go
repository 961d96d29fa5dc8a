package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// callState is the input of a call except its resources, and what is computed from that input
// alone. Calls with the same input share it.
type callState struct {
	in       *mutator.Input
	warnings []error
	reading  *reading // of the custom resources
	// report gets the outcomes of policies from the features, once; reported has them once they are
	// known.
	report   func() *policyReports
	reported atomic.Pointer[policyReports]
	isSilent bool // nothing to report
	// counting has the outcomes from features that count, and rejecting the policies that they
	// reject.
	counting  byCounts[*policyReports]
	rejecting map[string]*byCounts[map[*policy.Object]error]
	// lists has the results of the last call, by kind.
	lists map[mutator.Kind]*atomic.Pointer[[]previous]
	// renaming has the clusters that were renamed in the last call.
	renaming atomic.Pointer[renaming]
	// given has their new names before mutators failed for them.
	given atomic.Pointer[given]
}

// previous is the result for a resource in the last call.
type previous struct {
	cache.Slot        // of the cached result
	unwanted   string // its name, if no mutator had a plan and none read more than the name
}

// previousSize is the approximate size of a previous with a name in bytes.
const previousSize = int(unsafe.Sizeof(previous{})) + 64

// previous returns the results of a list in the last call, or nil.
func (p *callState) previous(k mutator.Kind) []previous {
	if at := p.lists[k]; at != nil {
		if last := at.Load(); last != nil {
			return *last
		}
	}
	return nil
}

// keep stores the results of a list if they differ from the last ones.
func (p *callState) keep(k mutator.Kind, last []previous, answers []resourceResult) {
	at := p.lists[k]
	if at == nil || slices.EqualFunc(answers, last, func(a resourceResult, was previous) bool { return a.previous == was }) {
		return
	}
	now := make([]previous, len(answers))
	for i, a := range answers {
		if now[i] = a.previous; i < len(last) && a.unwanted == last[i].unwanted {
			now[i].unwanted = last[i].unwanted
		} else {
			now[i].unwanted = strings.Clone(a.unwanted)
		}
	}
	at.Store(&now)
}

// prepare returns the state of a call. Calls with the same policies and routes share it, including
// what features compute with [mutator.ComputeOnce].
func (e *Engine) prepare(ctx context.Context, call *Call, configs []config) *callState {
	return e.cachedState(call, configs, nil, func() *callState { return e.newCallState(ctx, call, configs) })
}

// cachedState returns the cached state of a call, or creates it.
func (e *Engine) cachedState(call *Call, configs []config, rejected []string, newState func() *callState) *callState {
	if e.cache == nil || call.Hook != mutator.HookTranslation && len(call.Objects) == 0 {
		return newState() // faster than looking it up
	}
	key := inputKey{call, configs, e.isShadow, rejected}
	if found := e.cached.inputs.Get(key); found != nil && !found.Value.reading.over() {
		return found.Value
	}
	p := newState()
	if call.Hook == mutator.HookTranslation { // other hooks have single resources
		p.lists = map[mutator.Kind]*atomic.Pointer[[]previous]{}
		for _, kind := range p.in.Kinds {
			p.lists[kind] = &atomic.Pointer[[]previous]{}
		}
	}
	size := 0
	for _, list := range call.Resources {
		size += len(list.Encoded) * previousSize
	}
	// What features compute is about as large as its input.
	for _, c := range configs {
		for _, h := range c.hosts {
			size += len(h.content)
		}
	}
	e.cached.inputs.Put(key, p, size)
	return p
}

func (e *Engine) newCallState(ctx context.Context, call *Call, configs []config) *callState {
	r := &reading{read: e.read, objects: e.cached.objects, sandbox: e.reads}
	r.deadline, _ = ctx.Deadline()
	set, warnings := r.set(call.Objects)
	if e.isShadow {
		set = set.WithShadow()
	}
	in := &mutator.Input{Hook: call.Hook, Objects: set, Hostnames: call.Hostnames, Kinds: kindsOf(call), Excess: e.excess}
	if call.Hook == mutator.HookTranslation {
		parts := partsOf(configs)
		in.Routes = sync.OnceValue(func() *xds.RouteIndex { return routeIndex(parts) })
	}
	p := e.newState(in, r, warnings)
	if call.Hook != mutator.HookTranslation && len(call.Objects) == 0 {
		p.isSilent = true
		p.reported.Store(&policyReports{})
	}
	return p
}

func (e *Engine) newState(in *mutator.Input, r *reading, warnings []error) *callState {
	p := &callState{in: in, warnings: warnings, reading: r, report: sync.OnceValue(func() *policyReports { return e.report(in) })}
	for _, f := range e.features {
		if f.Rejects != nil {
			if p.rejecting == nil {
				p.rejecting = map[string]*byCounts[map[*policy.Object]error]{}
			}
			p.rejecting[f.Name] = new(byCounts[map[*policy.Object]error])
		}
	}
	return p
}

// kindsOf returns the kinds of the resources of a call.
func kindsOf(call *Call) (kinds []mutator.Kind) {
	for _, list := range call.Resources {
		if len(list.Encoded) > 0 {
			kinds = append(kinds, list.Kind)
		}
	}
	return kinds
}
