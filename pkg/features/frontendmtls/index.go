package frontendmtls

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// index says which policies are attached to which Gateway listener that has routes. It is
// worked out once for a translation.
type index struct {
	configurations map[string][]section // by the route configuration's name
	sections       []section            // each Gateway listener once
	anywhere       []policy.Attachment  // every policy, for routes that Envoy Gateway left out
	key            string               // of all that listeners depend on
	// past are policies that are past a limit of their namespace.
	past map[string]*policy.Object
}

// section is a Gateway listener with the policies that are attached to it, the one that
// wins first.
type section struct {
	listener xds.Reference
	found    []policy.Attachment
}

type indexKey struct{}

func indexOf(in *mutator.Input) *index { return mutator.ComputeOnce(in, indexKey{}, newIndex) }

func newIndex(in *mutator.Input) *index {
	x := &index{configurations: map[string][]section{}}
	objects := in.Objects.Of(gvk)
	if len(objects) == 0 {
		return x
	}
	for _, o := range objects {
		x.anywhere = append(x.anywhere, policy.Attachment{Object: o, Specificity: o.MaxSpecificity()})
	}
	policy.Sort(x.anywhere)
	seen := map[xds.Reference]int{}
	for _, name := range in.Routes().Configurations() {
		x.configurations[name] = []section{}
		for _, l := range in.Routes().Configuration(name).Listeners() {
			at, known := seen[l]
			if !known {
				at = len(x.sections)
				seen[l] = at
				x.sections = append(x.sections, section{l, mutator.Attached(in, gvk, []xds.Reference{l})})
			}
			x.configurations[name] = append(x.configurations[name], x.sections[at])
		}
	}
	x.limit(in)
	x.key = x.keyOf(in)
	return x
}

// limit has policies that are past a limit of their namespace deny their targets.
func (x *index) limit(in *mutator.Input) {
	var all []policy.Attachment
	seen := map[*policy.Object]bool{}
	for _, s := range x.sections {
		if o := s.winner(); o != nil && !seen[o] {
			seen[o] = true
			all = append(all, policy.Attachment{Object: o})
		}
	}
	policy.Sort(all)
	inEffect := make([]*policy.Object, len(all))
	for i, c := range all {
		inEffect[i] = c.Object
	}
	x.past = in.Past(inEffect)
	for _, s := range x.sections { // those of the configurations share their policies
		for i := range s.found {
			if past := x.past[s.found[i].String()]; past != nil {
				s.found[i].Object = past
			}
		}
	}
}

func (x *index) keyOf(in *mutator.Input) string {
	var b strings.Builder
	for _, c := range x.anywhere {
		b.WriteString(c.Digest())
	}
	for _, name := range in.Routes().Configurations() {
		fmt.Fprintf(&b, "%q:", name)
		for _, s := range x.configurations[name] {
			fmt.Fprintf(&b, "%q", s.listener.String())
			if o := s.winner(); o != nil {
				fmt.Fprintf(&b, "%s%t", o.Digest(), o.Err != nil)
			}
		}
	}
	return b.String()
}

// knows tells whether the route configuration came with the call.
func (x *index) knows(configuration string) bool {
	_, there := x.configurations[configuration]
	return there
}

// winners are the policies that win the listeners of a route configuration, nil for a
// listener without one. A configuration that Envoy Gateway did not include may be of any
// listener: every policy counts, so that none is missing.
func (x *index) winners(configuration string) []*policy.Object {
	sections, there := x.configurations[configuration]
	if !there && len(x.anywhere) > 0 {
		return []*policy.Object{x.anywhere[0].Object}
	}
	out := make([]*policy.Object, len(sections))
	for i, s := range sections {
		out[i] = s.winner()
	}
	return out
}

// there are the winners of those listeners that have one.
func there(winners []*policy.Object) []*policy.Object {
	return slices.DeleteFunc(winners, func(o *policy.Object) bool { return o == nil })
}

// winner is the one of the winners that decides where there can be one only: on a filter
// chain with TLS, which Envoy Gateway makes for a single listener.
func winner(winners []*policy.Object) *policy.Object {
	i := slices.IndexFunc(winners, func(o *policy.Object) bool { return o != nil })
	if i < 0 {
		return nil
	}
	return winners[i]
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
