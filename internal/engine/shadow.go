package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// wholeShadow is the owner of the goroutine of a shadow pass.
const wholeShadow = "shadow"

// newShadow creates the engine that evaluates custom resources with the effect Shadow as if they
// were enforced. Its responses are not used. It shares the cache, but has its own sandbox: its
// failures do not disable features.
func (e *Engine) newShadow(features []mutator.Feature) *Engine {
	features = slices.Clone(features)
	for i := range features {
		if features[i].FailurePolicy == mutator.Fail { // a failure must not end the pass
			features[i].FailurePolicy = mutator.Deny
		}
	}
	features, variants := withVariants(features)
	s := &Engine{
		features: features, variants: variants, chains: map[mutator.Hook]map[mutator.Kind]runner{}, read: e.read, cache: e.cache, cached: e.cached,
		hosts: e.hosts, lastHost: e.lastHost, sandbox: e.sandbox.Sibling(), explaining: e.sandbox.Sibling(), reads: e.reads, excess: e.excess, isShadow: true,
	}
	for _, h := range mutator.Hooks() {
		s.chains[h] = chainsOf(h, features, variants, s.sandbox, false)
	}
	return s
}

// addShadow adds the outcomes of custom resources with the effect Shadow to a response, and in the
// Route hook the shadow entry of the route, for the translation. It takes at most a quarter of the
// time left, and changes nothing else.
func (e *Engine) addShadow(ctx context.Context, call *Call, res *Response) {
	shadow := e.shadowCall(call, res)
	if shadow == nil {
		return
	}
	pass, err := e.shadow.pass(ctx, shadow)
	if err != nil {
		res.transient = true
		res.Warnings = append(res.Warnings, fmt.Errorf("policies with the effect Shadow are not evaluated: %w", err))
		return
	}
	policies := shadowOutcomes(pass.Policies)
	if err := e.addShadowEntry(call, res, pass); err != nil {
		policies = append(policies, notEvaluated(res, err)...)
	}
	res.Policies = append(res.Policies, policies...)
	res.transient = res.transient || pass.transient || len(pass.failures) > 0
	for _, p := range pass.effects {
		if slices.ContainsFunc(p.Policies, func(o *policy.Object) bool { return o.Shadow }) {
			p.Shadow = true
			res.shadowEffects = append(res.shadowEffects, p.Effect)
		}
	}
}

// pass responds to a call in a goroutine that is abandoned after a timeout.
func (e *Engine) pass(ctx context.Context, call *Call) (*Response, error) {
	if err := e.sandbox.Full(wholeShadow); err != nil {
		return nil, err
	}
	limit := e.sandbox.Timeout
	if deadline, limited := ctx.Deadline(); limited {
		limit = min(limit, time.Until(deadline)/4)
	}
	return sandbox.RunFor(limit, e.sandbox, wholeShadow, func() (*Response, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		defer cancel()
		return e.run(ctx, call)
	})
}

// shadowOutcomes returns the outcomes of custom resources with the effect Shadow.
func shadowOutcomes(all []mutator.PolicyOutcome) (out []mutator.PolicyOutcome) {
	for _, p := range all {
		if !p.Policy.Shadow {
			continue
		}
		p.Enforced, p.Reason = p.Reason, mutator.Shadow
		p.Message = fmt.Sprintf("changes nothing; if it were enforced, it would be %s: %s", p.Enforced, p.Message)
		out = append(out, p)
	}
	return out
}

// notEvaluated returns the outcomes of a call's custom resources with the effect Shadow that the
// translation will not get.
func notEvaluated(res *Response, err error) (out []mutator.PolicyOutcome) {
	for _, o := range res.state.in.Objects.Shadow() {
		out = append(out, mutator.PolicyOutcome{
			Policy: o, Reason: mutator.Shadow, Enforced: mutator.ApplyFailed, Message: fmt.Sprintf("changes nothing, and is not evaluated: %v", err),
		})
	}
	return out
}
