package backendmtls

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// index says which policy is for which way to which cluster of a translation. It is worked out
// once, so that the work is that of clusters and policies, and not of each with each.
type index struct {
	ways     map[*xds.Way]*way
	order    []*way // the ways in the order of the configuration
	clusters map[string]*reached
	groups   []*reached // in the order of their first clusters
	anywhere *way       // all policies of the call, if it came without routes
	// reaches is whether there is a cluster that a policy could reach. It spares those of most
	// Gateways of a fleet, which have no policy, to be looked up one by one.
	reaches bool
	// copies is whether any cluster is copied, see [reached.copied].
	copies bool
	// lost is whether policies of any way are.
	lost bool
	// past are policies that are past a limit of their namespace.
	past map[string]*policy.Object
}

// way is how requests come to clusters, with the policies that are attached there.
type way struct {
	found []policy.Attachment // the one that wins first
	key   string              // of the one that wins
	// lost is whether the Route hook left policies that cannot be read.
	lost bool
}

// winner is the policy in effect, nil without one.
func (w *way) winner() *policy.Object {
	if c := attach.Effective(w.found, mutator.Deny); c != nil {
		return c.Object
	}
	return nil
}

// reached are clusters to which the same ways lead, as a rule all of a listener.
type reached struct {
	ways     []*way
	copied   bool
	clusters int
	last     int // the position of the last of them
}

type indexKey struct{}

func indexOf(in *mutator.Input) *index { return mutator.ComputeOnce(in, indexKey{}, newIndex) }

func newIndex(in *mutator.Input) *index {
	x := &index{ways: map[*xds.Way]*way{}, clusters: map[string]*reached{}}
	if len(in.Routes().Configurations()) == 0 {
		x.anywhere = newWay(anywhere(in.Objects.Of(gvk)))
		x.anywhere.key = "routes not included"
		x.reaches = x.anywhere.winner() != nil
	}
	alike, numbers := map[string]*reached{}, map[*xds.Way]string{}
	for i, name := range in.Routes().Clusters() {
		if strings.HasPrefix(name, copyPrefix) {
			continue // of a pass before this one
		}
		all := in.Routes().ForCluster(name).Ways()
		key := ""
		for _, w := range all {
			if numbers[w] == "" {
				numbers[w] = strconv.Itoa(len(numbers)) + ","
				x.ways[w] = wayOf(in, w)
				x.order = append(x.order, x.ways[w])
				x.lost = x.lost || x.ways[w].lost
			}
			key += numbers[w]
		}
		if isMerged(name) {
			key += "merged"
		}
		group := alike[key]
		if group == nil {
			group = x.newReached(all, isMerged(name))
			alike[key] = group
			x.groups = append(x.groups, group)
		}
		group.clusters++
		group.last = i
		x.clusters[name] = group
	}
	x.intern()
	x.limit(in)
	return x
}

// wayOf finds the policies of a way. Those of routes were left on the routes by the Route
// hook, those of Gateways and listeners came with the call.
func wayOf(in *mutator.Input, w *xds.Way) *way {
	found, lost := mutator.Attached(in, gvk, w.Listeners), false
	for _, m := range w.MetadataEntries {
		marked := mutator.DecodeAttached(in, kind(), m)
		found = append(found, marked...)
		lost = lost || len(marked) == 0 && mutator.IsEntryOf(gvk, m)
	}
	policy.Sort(found)
	out := newWay(found)
	out.lost = lost
	return out
}

func newWay(found []policy.Attachment) *way {
	w := &way{found: found}
	if len(found) > 0 {
		w.key = mutator.AttachedKey(found[:1])
	}
	return w
}

// newReached decides how the clusters of a group get their policies: in place if all ways have
// the same one, and otherwise as a copy for each.
func (x *index) newReached(all []*xds.Way, merged bool) *reached {
	r := &reached{}
	for _, w := range all {
		r.ways = append(r.ways, x.ways[w])
	}
	first := r.ways[0].winner()
	same := !slices.ContainsFunc(r.ways, func(w *way) bool { return !sameObject(w.winner(), first) })
	some := slices.ContainsFunc(r.ways, func(w *way) bool { return w.winner() != nil })
	r.copied = some && (merged || !same)
	x.reaches, x.copies = x.reaches || some, x.copies || r.copied
	return r
}

func sameObject(a, b *policy.Object) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.String() == b.String() && (a.Digest() == b.Digest() || a.Content() != nil && b.Content() != nil)
}

// intern has one object stand for all that are the same policy: each mark has its own, and
// only that of a route that the policy won has its content.
func (x *index) intern() {
	of := map[string]*policy.Object{}
	x.each(func(c *policy.Attachment) {
		if known := of[c.String()]; known == nil || known.Content() == nil && known.Err == nil {
			of[c.String()] = c.Object
		}
	})
	x.each(func(c *policy.Attachment) { c.Object = of[c.String()] })
}

// limit has policies that are past a limit of their namespace deny their targets.
func (x *index) limit(in *mutator.Input) {
	if x.past = in.Past(x.winners()); len(x.past) == 0 {
		return
	}
	x.each(func(c *policy.Attachment) {
		if past := x.past[c.String()]; past != nil {
			c.Object = past
		}
	})
	for _, w := range x.order {
		if o := w.winner(); o != nil && x.past[o.String()] != nil {
			w.key += o.Err.Error()
		}
	}
}

// each calls f for every policy of every way.
func (x *index) each(f func(c *policy.Attachment)) {
	for _, w := range x.order {
		for i := range w.found {
			f(&w.found[i])
		}
	}
}

// byLast are the groups in the order of their last clusters.
func (x *index) byLast() []*reached {
	return slices.SortedFunc(slices.Values(x.groups), func(a, b *reached) int { return cmp.Compare(a.last, b.last) })
}

// winners are the policies that win a way to a cluster, the older ones first.
func (x *index) winners() (out []*policy.Object) {
	var all []policy.Attachment
	seen := map[*policy.Object]bool{}
	for _, g := range x.groups {
		for _, w := range g.ways {
			if o := w.winner(); o != nil && !seen[o] {
				seen[o] = true
				all = append(all, policy.Attachment{Object: o})
			}
		}
	}
	policy.Sort(all)
	for _, c := range all {
		out = append(out, c.Object)
	}
	return out
}
