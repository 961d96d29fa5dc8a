package buffer

import (
	"fmt"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// winner is the policy that is in effect.
func winner(found []policy.Attachment) *policy.Attachment {
	return attach.Effective(found, mutator.Ignore)
}

func usable(o *policy.Object) bool { return o.Err == nil }

// denies tells whether a policy wants its target to be denied should it fail.
func denies(o *policy.Object) bool { return attach.OnFailure(o, mutator.Ignore) == mutator.Deny }

// spec is the policy's content, and an error if it cannot be used.
func spec(o *policy.Object) (*v1alpha1.BufferPolicySpec, error) {
	if policy.As[v1alpha1.BufferPolicy](o) == nil {
		return nil, fmt.Errorf("%s: %w", o, o.Err)
	}
	return &policy.As[v1alpha1.BufferPolicy](o).Spec, nil
}

// buffers tells whether the policy needs the filter.
func buffers(c *policy.Attachment) bool {
	if c == nil || !usable(c.Object) {
		return false
	}
	p := policy.As[v1alpha1.BufferPolicy](c.Object)
	return p != nil && !p.Spec.Disabled && p.Spec.Mode == v1alpha1.BufferFull
}

// attached are the policies of a listener or route, the closest first.
func attached(in *mutator.Input, refs ...xds.Reference) []policy.Attachment {
	return mutator.Attached(in, gvk, refs)
}

// failurePolicy is what the policies say of their failure: that of the one that wins.
func failurePolicy(found []policy.Attachment) mutator.FailurePolicy {
	w := winner(found)
	if w == nil {
		return mutator.FailurePolicyOf(found)
	}
	return mutator.FailurePolicy(w.FailurePolicy)
}
