package frontendmtls

import (
	"slices"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// index holds the policies that the listeners of a translation depend on. It is computed once.
type index struct {
	*attach.Listeners
	first *policy.Object // the policy with the highest precedence, for routes that Envoy Gateway did not include
}

type indexKey struct{}

func indexOf(in *mutator.Input) *index { return mutator.ComputeOnce(in, indexKey{}, newIndex) }

func newIndex(in *mutator.Input) *index {
	x := &index{Listeners: &attach.Listeners{}}
	objects := in.Objects.Of(gvk)
	if len(objects) == 0 {
		return x
	}
	x.Listeners = attach.ListenersOf(in, gvk, mutator.Deny)
	var anywhere []policy.Attachment
	for _, o := range objects {
		if s := o.MaxSpecificity(); s != policy.NotAttached {
			anywhere = append(anywhere, policy.Attachment{Object: o, Specificity: s})
		}
	}
	policy.Sort(anywhere)
	if len(anywhere) > 0 {
		x.first = anywhere[0].Object
	}
	return x
}

// knows reports whether the call includes the route configuration.
func (x *index) knows(configuration string) bool {
	_, known := x.Of(configuration)
	return known
}

// effective returns the effective policy of each listener of a route configuration, nil for a
// listener without one. A configuration that Envoy Gateway did not include may belong to any
// listener, so the first of all policies applies to it.
func (x *index) effective(configuration string) []*policy.Object {
	listeners, known := x.Of(configuration)
	if !known && x.first != nil {
		return []*policy.Object{x.first}
	}
	out := make([]*policy.Object, len(listeners))
	for i, l := range listeners {
		out[i] = effectiveOf(l)
	}
	return out
}

// effectiveOf returns the effective policy of a listener, nil without one.
func effectiveOf(l *attach.Listener) *policy.Object {
	if l.Effective == nil {
		return nil
	}
	return l.Effective.Object
}

// there returns the policies that are not nil.
func there(effective []*policy.Object) []*policy.Object {
	return slices.DeleteFunc(effective, func(o *policy.Object) bool { return o == nil })
}

// only returns the effective policy of a filter chain with TLS, nil without one. Envoy Gateway
// creates such a chain for a single listener.
func only(effective []*policy.Object) *policy.Object {
	i := slices.IndexFunc(effective, func(o *policy.Object) bool { return o != nil })
	if i < 0 {
		return nil
	}
	return effective[i]
}

// spec returns the policy's spec, nil if the policy is invalid.
func spec(o *policy.Object) *v1alpha1.FrontendMTLSPolicySpec {
	p := policy.As[v1alpha1.FrontendMTLSPolicy](o)
	if o.Err != nil || p == nil {
		return nil
	}
	return &p.Spec
}

// deniesPlaintext reports whether requests without TLS must be rejected for a policy. An invalid
// policy rejects them.
func deniesPlaintext(o *policy.Object) bool {
	if o == nil {
		return false
	}
	s := spec(o)
	return s == nil || s.PlaintextListeners == v1alpha1.PlaintextListenersDeny
}
