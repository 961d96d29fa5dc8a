package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// prepared is what a call says besides its resources, and what follows from that alone.
type prepared struct {
	in       *mutator.Input
	warnings []error
	reading  *reading // of its custom resources
	// report asks the features, once, what became of their policies; said is the answer
	// when there is one.
	report func() *reported
	said   atomic.Pointer[reported]
	// lists have what became of the resources of each list at the last call.
	lists map[mutator.Kind]*atomic.Pointer[[]before]
	// renaming are the clusters that had other names after the last call.
	renaming atomic.Pointer[renaming]
	// given are the names that they had before mutators failed for them.
	given atomic.Pointer[given]
}

// before is what became of a resource at the last call.
type before struct {
	cache.Slot        // of the cached result
	unwanted   string // its name, if no mutator applied and none asked for more than that
}

// beforeSize is about what one takes, with a name.
const beforeSize = int(unsafe.Sizeof(before{})) + 64

// last is what became of a list at the last call, and nil if that is not known.
func (p *prepared) last(k mutator.Kind) []before {
	if at := p.lists[k]; at != nil {
		if last := at.Load(); last != nil {
			return *last
		}
	}
	return nil
}

// note keeps what became of a list if that is not what it was.
func (p *prepared) note(k mutator.Kind, last []before, answers []answer) {
	at := p.lists[k]
	if at == nil || slices.EqualFunc(answers, last, func(a answer, was before) bool { return a.before == was }) {
		return
	}
	now := make([]before, len(answers))
	for i, a := range answers {
		if now[i] = a.before; i < len(last) && a.unwanted == last[i].unwanted {
			now[i].unwanted = last[i].unwanted
		} else {
			now[i].unwanted = strings.Clone(a.unwanted)
		}
	}
	at.Store(&now)
}

// reported is what the features say about their policies.
type reported struct {
	features []featureReport
	warnings []error
}

// prepare reads the call. Calls with the same policies and routes share what is prepared,
// and with it what features derive from them.
func (e *Engine) prepare(ctx context.Context, call *Call, configs []config) *prepared {
	if e.cache == nil || call.Hook != mutator.HookTranslation && len(call.Objects) == 0 {
		return e.newPrepared(ctx, call, configs) // quicker than to look it up
	}
	key := inputKey{call, configs}
	if found := e.cached.inputs.Get(key); found != nil && !found.Value.reading.over() {
		return found.Value
	}
	p := e.newPrepared(ctx, call, configs)
	if call.Hook == mutator.HookTranslation { // the others have single resources
		p.lists = map[mutator.Kind]*atomic.Pointer[[]before]{}
		for _, kind := range p.in.Kinds {
			p.lists[kind] = &atomic.Pointer[[]before]{}
		}
	}
	size := 0
	for _, list := range call.Resources {
		size += len(list.Encoded) * beforeSize
	}
	// What is derived is about as large as what it is derived from.
	for _, c := range configs {
		for _, h := range c.hosts {
			size += h.size
		}
	}
	e.cached.inputs.Put(key, p, size)
	return p
}

func (e *Engine) newPrepared(ctx context.Context, call *Call, configs []config) *prepared {
	r := &reading{read: e.read, objects: e.cached.objects, sandbox: e.reads}
	r.deadline, _ = ctx.Deadline()
	set, warnings := r.set(call.Objects)
	in := &mutator.Input{Hook: call.Hook, Objects: set, Hostnames: call.Hostnames, Kinds: kindsOf(call), Excess: e.excess}
	if call.Hook == mutator.HookTranslation {
		parts := partsOf(configs)
		in.Routes = sync.OnceValue(func() *xds.RouteIndex { return reach(parts) })
	}
	p := &prepared{in: in, warnings: warnings, reading: r, report: sync.OnceValue(func() *reported { return e.report(in) })}
	if call.Hook != mutator.HookTranslation && len(call.Objects) == 0 {
		p.said.Store(&reported{}) // there is nothing to report on
	}
	return p
}

// kindsOf are those of the resources of a call.
func kindsOf(call *Call) (kinds []mutator.Kind) {
	for _, list := range call.Resources {
		if len(list.Encoded) > 0 {
			kinds = append(kinds, list.Kind)
		}
	}
	return kinds
}

// featureReport is what a feature says about its policies.
type featureReport struct {
	feature  string
	policies []mutator.PolicyOutcome
}

// report asks the features what became of their policies. A reporter that panics loses
// its report and nothing else.
func (e *Engine) report(in *mutator.Input) *reported {
	r := &reported{}
	for _, f := range e.features {
		if f.Reporter == nil || !f.Uses(in.Hook) {
			continue
		}
		var outcomes []mutator.PolicyOutcome
		if err := sandbox.Recover(func() error { outcomes = f.Reporter.Report(in); return nil }); err != nil {
			r.warnings = append(r.warnings, fmt.Errorf("report of mutator %s: %w", f.Name, err))
			continue
		}
		r.features = append(r.features, featureReport{f.Name, outcomes})
	}
	if in.Hook == mutator.HookTranslation {
		for _, name := range in.Routes().Stranded() {
			r.warnings = append(r.warnings, fmt.Errorf("requests to cluster %q are refused: what the Route hook left on their route was lost, by a patch or another extension server", name))
		}
	}
	return r
}
