package buffer

import (
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// reporter tells what became of each policy of a translation.
type reporter struct{}

// tally is how a policy fared on the routes that it reaches.
type tally struct {
	object     *policy.Object
	won        bool
	routes     int            // that lead to a backend
	conflict   *policy.Object // an older one with as close a target won
	overridden *policy.Object // one with a closer target won
}

// Report tells what became of each policy. In the Route hook that is only which ones are
// wrong: the translation that follows knows the whole.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	objects := in.Objects.Of(gvk)
	if in.Hook == mutator.HookRoute {
		for _, o := range objects {
			if !usable(o) {
				out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: invalid(o)})
			}
		}
		return out
	}
	c := newCount(objects)
	for _, name := range in.Reach().Configurations() {
		for _, h := range in.Reach().Hosts(name) {
			c.host(in, h)
		}
	}
	for _, t := range c.order {
		o := t.object
		reason, message := outcome(o, t)
		if reason == mutator.Programmed && buffers(&policy.Candidate{Object: o}) && !in.Has(mutator.KindListener) {
			reason, message = mutator.Failed, mutator.NotIncluded(mutator.KindListener)+", so that the filter is missing; requests are not held"
			if denies(o) {
				message = mutator.NotIncluded(mutator.KindListener) + ", so that the filter is missing; requests are refused"
			}
		}
		if reason == mutator.TargetNotFound && denies(o) && in.Has(mutator.KindListener) && len(in.Reach().Configurations()) == 0 {
			reason, message = mutator.Failed, errNoRoutes.Error()+"; requests to all listeners are refused"
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

// count is the tallies of all policies: those of the call, and those of routes as they come.
type count struct {
	order   []*tally
	tallies map[string]*tally // by the object's name
}

func newCount(objects []*policy.Object) *count {
	c := &count{tallies: map[string]*tally{}}
	for _, o := range objects {
		c.of(o)
	}
	return c
}

func (c *count) of(o *policy.Object) *tally {
	t := c.tallies[o.String()]
	if t == nil {
		t = &tally{object: o}
		c.tallies[o.String()], c.order = t, append(c.order, t)
	}
	if o.Content() != nil { // which the mark of a route that it lost has not
		t.object = o
	}
	return t
}

// host counts the routes of a virtual host. Most have no policy of their own, and are
// counted at once.
func (c *count) host(in *mutator.Input, h *xds.HostReach) {
	of, others, all := attached(in, h.Listeners()...), 0, h.Marks()
	for _, marks := range all {
		found := slices.Clone(of)
		for _, m := range marks {
			found = append(found, mutator.Marked(in, kind(), m)...)
		}
		if len(found) == len(of) {
			others++
			continue
		}
		policy.Sort(found)
		c.add(found, 1)
	}
	if others > 0 || len(all) == 0 {
		c.add(of, others)
	}
}

// add counts routes that the policies are attached to, the closest of them first.
func (c *count) add(found []policy.Candidate, routes int) {
	w := winner(found)
	for _, f := range found {
		t := c.of(f.Object)
		switch {
		case w == nil || !usable(f.Object):
		case f.String() == w.String():
			t.won, t.routes = true, t.routes+routes
		case f.Specificity == w.Specificity:
			t.conflict = w.Object
		default:
			t.overridden = w.Object
		}
	}
}

func invalid(o *policy.Object) string {
	if denies(o) {
		return fmt.Sprintf("%v; requests to its targets are refused", o.Err)
	}
	return fmt.Sprintf("%v; its targets are as they are without it", o.Err)
}

func outcome(o *policy.Object, t *tally) (mutator.Reason, string) {
	switch {
	case !usable(o):
		return mutator.Invalid, invalid(o)
	case t.won:
		return mutator.Programmed, describe(o, &policy.Typed[v1alpha1.BufferPolicy](o).Spec, t)
	case t.conflict != nil:
		return mutator.Conflicted, t.conflict.Precedence(o) + " and has the same target"
	case t.overridden != nil:
		return mutator.Overridden, fmt.Sprintf("%s is attached more closely to all that this policy reaches", t.overridden)
	default:
		return mutator.TargetNotFound, "no listener of any target has a route, or Envoy Gateway does not include routes in the Translation hook"
	}
}

func describe(o *policy.Object, s *v1alpha1.BufferPolicySpec, t *tally) string {
	text := "requests are not buffered"
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		text = fmt.Sprintf("filters hold up to %s of a request, or as much as the connection may if that is more", s.MaxRequestBytes)
	default:
		text = fmt.Sprintf("requests of up to %s are held until they are complete", s.MaxRequestBytes)
	}
	text += fmt.Sprintf("; routes: %d", t.routes)
	if t.conflict != nil {
		text += "; elsewhere " + t.conflict.Precedence(o)
	}
	return text
}
