package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// singleRounds and namespaceRounds bound the rounds of rejections. One rejection can cause the
// next, because a policy may select what another one sets. A user who may write policies can make
// such a chain of any length, and each round is a translation. So after singleRounds, a rejection
// extends to all policies of the namespace, which affects no other tenant, and after
// namespaceRounds to all policies of the feature.
const (
	singleRounds    = 4
	namespaceRounds = 8
)

// rejecter finds the policies that features reject after a translation.
type rejecter struct {
	*Engine
	in    *mutator.Input
	p     *callState
	res   *Response
	round int // of the translation, from 0
}

// rejects returns all policies that must be invalid in the next round: those of this round and new
// ones, or nil if there are no new ones.
func (e *Engine) rejects(ctx context.Context, res *Response, round int) map[policy.ID]error {
	r := &rejecter{e, res.state.in, res.state, res, round}
	if r.in.Hook != mutator.HookTranslation {
		return nil
	}
	more := map[policy.ID]error{}
	for i := range e.features {
		if f := &e.features[i]; f.Rejects != nil && f.Uses(r.in.Hook) {
			maps.Copy(more, r.of(ctx, f))
		}
	}
	if len(more) == 0 {
		return nil
	}
	maps.Copy(more, r.in.Rejected)
	return more
}

// of returns the policies that a feature rejects and that were valid until now.
func (r *rejecter) of(ctx context.Context, f *mutator.Feature) map[policy.ID]error {
	found, err := r.query(ctx, f)
	dangling := r.res.dangling[f.Name]
	if len(found)+len(dangling) == 0 && err == nil {
		return nil
	}
	valid := r.validOf(r.in, f.Name)
	if err != nil {
		return together(valid, fmt.Errorf("cannot determine which policies of the feature %s may be in effect: %w", f.Name, untyped(err)))
	}
	out, failures := map[policy.ID]error{}, r.res.failuresOf(r.in.Hook, f.Name)
	for o, err := range found {
		if id := o.ID(); valid[id] && err != nil {
			out[id] = err
			if failed := failures.of(o); failed != nil { // its counts are lost
				out[id] = &mutator.RejectionError{Reason: mutator.ApplyFailed, Err: fmt.Errorf("%w (%s %q)", untyped(failed.Err), failed.Kind, failed.Name)}
			}
		}
	}
	for id := range valid {
		if err := dangling[id.String()]; err != nil {
			out[id] = &mutator.RejectionError{Reason: mutator.ApplyFailed, Err: err}
		}
	}
	return r.widened(f, out, valid)
}

// query returns the policies that a feature rejects.
func (r *rejecter) query(ctx context.Context, f *mutator.Feature) (map[*policy.Object]error, error) {
	counts := r.res.countsOf()[f.Name]
	return r.p.rejecting[f.Name].get(map[string]mutator.Counts{f.Name: counts}, func() (map[*policy.Object]error, error) {
		in := r.in.WithCounts(counts)
		return sandbox.Query(ctx, r.sandbox, f.Name, func() (map[*policy.Object]error, error) { return f.Rejects(in), nil })
	})
}

// widened returns the rejected policies, and after too many rounds those that are rejected with
// them.
func (r *rejecter) widened(f *mutator.Feature, rejected map[policy.ID]error, valid map[policy.ID]bool) map[policy.ID]error {
	if r.round < singleRounds || len(rejected) == 0 {
		return rejected
	}
	namespaces := map[string]bool{}
	for id := range rejected {
		namespaces[id.Namespace] = true
	}
	what := "of the namespace"
	if r.round >= namespaceRounds {
		what, namespaces = "of the feature "+f.Name, nil
	}
	with := maps.Clone(valid)
	maps.DeleteFunc(with, func(id policy.ID, _ bool) bool {
		return rejected[id] != nil || namespaces != nil && !namespaces[id.Namespace]
	})
	out := together(with, fmt.Errorf("rejections caused further rejections %d times, so all policies %s are rejected", r.round, what))
	maps.Copy(out, rejected)
	return out
}

// together rejects policies for the same reason.
func together(all map[policy.ID]bool, err error) map[policy.ID]error {
	out := map[policy.ID]error{}
	for id := range all {
		out[id] = &mutator.RejectionError{Reason: mutator.ApplyFailed, Err: err}
	}
	return out
}

// rejectedKey returns a cache key for rejected policies and their reasons.
func rejectedKey(rejected map[policy.ID]error) (key []string) {
	for id, err := range rejected {
		key = append(key, id.String()+"\x00"+string(mutator.ReasonOf(err))+"\x00"+err.Error())
	}
	slices.Sort(key)
	return key
}

// withRejected returns the state of a call with some policies rejected.
func (e *Engine) withRejected(call *Call, p *callState, rejected map[policy.ID]error, configs []config) *callState {
	return e.cachedState(call, configs, rejectedKey(rejected), func() *callState {
		in := &mutator.Input{
			Hook: p.in.Hook, Objects: p.in.Objects.WithErrors(rejected), Hostnames: p.in.Hostnames, Kinds: p.in.Kinds,
			Excess: p.in.Excess, Rejected: rejected, Routes: p.in.Routes,
		}
		return e.newState(in, p.reading, p.warnings)
	})
}
