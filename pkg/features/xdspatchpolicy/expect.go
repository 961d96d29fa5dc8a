package xdspatchpolicy

import (
	"fmt"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// unexpected returns the policies that match fewer or more messages than they expect. No patch of
// such a policy is applied.
func unexpected(in *mutator.Input) map[*policy.Object]error {
	out := map[*policy.Object]error{}
	for _, k := range everyPolicy(in) {
		if k.Err != nil || !k.hasTarget || notIncluded(in, k.Object) != "" || excess(in)[k.ID()] != nil {
			continue
		}
		if err := unmet(in, k.Object); err != nil {
			out[k.Object] = err
		}
	}
	return out
}

func unmet(in *mutator.Input, o *policy.Object) error {
	p := content(o)
	if p == nil {
		return nil
	}
	for i, patch := range p.Spec.Patches {
		e, n := patch.Expect, in.Counted(countKey(o, i))
		if e == nil {
			continue
		}
		at := fmt.Sprintf("spec.patches[%d].expect", i)
		switch {
		case e.MinMatches != nil && n < int(*e.MinMatches):
			reason := mutator.ApplyFailed
			if n == 0 {
				reason = mutator.MatchedNothing
			}
			return &mutator.RejectionError{Reason: reason, Err: fmt.Errorf("%s.minMatches is %d, and the patch matches %d of kind %s", at, *e.MinMatches, n, patch.Select.Kind)}
		case e.MaxMatches != nil && n > int(*e.MaxMatches):
			return &mutator.RejectionError{Reason: mutator.ApplyFailed, Err: fmt.Errorf("%s.maxMatches is %d, and the patch matches %d of kind %s", at, *e.MaxMatches, n, patch.Select.Kind)}
		}
	}
	return nil
}
