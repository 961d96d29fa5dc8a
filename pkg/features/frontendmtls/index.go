package frontendmtls

import (
	"slices"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// index is the policies of a translation that listeners depend on. It is worked out once.
type index struct {
	*attach.Listeners
	first *policy.Object // with precedence of all policies, for routes that Envoy Gateway left out
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

// knows tells whether the route configuration came with the call.
func (x *index) knows(configuration string) bool {
	_, known := x.Of(configuration)
	return known
}

// effective are the effective policies of the listeners of a route configuration, nil for a
// listener without one. A configuration that Envoy Gateway did not include may be of any
// listener: every policy counts, so that none is missing.
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

// effectiveOf is the effective policy of a listener, nil without one.
func effectiveOf(l *attach.Listener) *policy.Object {
	if l.Effective == nil {
		return nil
	}
	return l.Effective.Object
}

// there are the effective policies of those listeners that have one.
func there(effective []*policy.Object) []*policy.Object {
	return slices.DeleteFunc(effective, func(o *policy.Object) bool { return o == nil })
}

// only is the one of the effective policies that decides where there can be one only: on a filter
// chain with TLS, which Envoy Gateway makes for a single listener.
func only(effective []*policy.Object) *policy.Object {
	i := slices.IndexFunc(effective, func(o *policy.Object) bool { return o != nil })
	if i < 0 {
		return nil
	}
	return effective[i]
}

// spec is the policy's content, nil if it cannot be used.
func spec(o *policy.Object) *v1alpha1.FrontendMTLSPolicySpec {
	p := policy.As[v1alpha1.FrontendMTLSPolicy](o)
	if o.Err != nil || p == nil {
		return nil
	}
	return &p.Spec
}

// deniesPlaintext tells whether a policy wants requests without TLS rejected. One that is
// wrong does.
func deniesPlaintext(o *policy.Object) bool {
	if o == nil {
		return false
	}
	s := spec(o)
	return s == nil || s.PlaintextListeners == v1alpha1.PlaintextListenersDeny
}
