package attach

import (
	"cmp"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// index is the policies of a kind that are attached to each way to a cluster of a translation. It
// is computed once.
type index struct {
	ways  map[*xds.Way]*way
	order []*way // in the order of the configuration
	// anywhere is the way of a policy that denies all backends, if the translation does not contain
	// routes.
	anywhere *way
	// past are policies past a limit of their namespace, by the name of the object.
	past map[string]*policy.Object
}

// way is a way to clusters, with the policies that are attached there.
type way struct {
	found     []policy.Attachment // the one with precedence first
	effective *policy.Attachment  // of those, nil without one
	// lost means that entries of the Route hook cannot be decoded.
	lost bool
}

type indexKey struct{ schema.GroupVersionKind }

func newIndex(in *mutator.Input, kind policy.Kind, onFailure mutator.FailurePolicy) *index {
	x := &index{ways: map[*xds.Way]*way{}}
	if len(in.Routes().Configurations()) == 0 {
		x.anywhere = anywhere(in.Objects.Of(kind.GroupVersionKind), onFailure)
	}
	for _, g := range in.Routes().Groups() {
		for _, w := range g.Ways {
			if x.ways[w] == nil {
				x.ways[w] = wayOf(in, kind, w)
				x.order = append(x.order, x.ways[w])
			}
		}
	}
	x.intern()
	var all []*decided
	for _, w := range x.order {
		all = append(all, &decided{w.found, &w.effective})
	}
	x.past = decide(in, all, onFailure)
	return x
}

// wayOf finds the policies of a way. The Route hook added the policies of routes to the routes'
// metadata; policies of Gateways and listeners are part of the call.
func wayOf(in *mutator.Input, kind policy.Kind, w *xds.Way) *way {
	gvk := kind.GroupVersionKind
	out := &way{found: mutator.Attached(in, gvk, w.Listeners)}
	for _, m := range w.MetadataEntries {
		attached := mutator.DecodeAttached(in, kind, m)
		out.found = append(out.found, attached...)
		out.lost = out.lost || len(attached) == 0 && mutator.IsEntryOf(gvk, m)
	}
	policy.Sort(out.found)
	return out
}

// anywhere returns the way of the policy with precedence among those with Deny, compared by their
// most specific targets, or nil if there is none.
func anywhere(objects []*policy.Object, onFailure mutator.FailurePolicy) *way {
	w := &way{}
	for _, o := range objects {
		if s := o.MaxSpecificity(); s != policy.NotAttached && OnFailure(o, onFailure) == mutator.Deny {
			w.found = append(w.found, policy.Attachment{Object: o, Specificity: s})
		}
	}
	policy.Sort(w.found)
	if len(w.found) == 0 {
		return nil
	}
	w.effective = &w.found[0]
	return w
}

// intern replaces all objects of the same policy by one: each entry has its own object, and only
// the entry of a route on which the policy is effective has its content. A policy that is invalid
// anywhere is invalid everywhere.
func (x *index) intern() {
	of := map[string]*policy.Object{}
	x.each(func(c *policy.Attachment) {
		known := of[c.String()]
		if known == nil || known.Err == nil && (c.Err != nil || known.Content() == nil) {
			of[c.String()] = c.Object
		}
	})
	x.each(func(c *policy.Attachment) { c.Object = of[c.String()] })
}

// each calls f for every policy of every way.
func (x *index) each(f func(c *policy.Attachment)) {
	for _, w := range x.order {
		for i := range w.found {
			f(&w.found[i])
		}
	}
}

// byLast returns the groups of clusters in the order of their last clusters.
func (x *index) byLast(in *mutator.Input) []*xds.Group {
	return slices.SortedFunc(slices.Values(in.Routes().Groups()), func(a, b *xds.Group) int { return cmp.Compare(a.Last, b.Last) })
}
