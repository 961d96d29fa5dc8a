package backendmtls

import (
	"cmp"
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// index says which policies reach which cluster of a translation. It is worked out once,
// so that the work is that of clusters and policies, and not of each with each.
type index struct {
	clusters map[string]*reached
	groups   []*reached // in the order of their first clusters
	anywhere *reached
	// reaches is whether there is a cluster that a policy could reach. It spares those of most
	// Gateways of a fleet, which have no policy, to be looked up one by one.
	reaches bool
}

// reached are clusters to which the same listeners and the same marks lead, as a rule all
// of a listener.
type reached struct {
	found    []policy.Candidate // the one that wins first
	key      string             // of the one that wins
	clusters int
	last     int // the position of the last of them
}

type indexKey struct{}

func indexOf(in *mutator.Input) *index { return mutator.Derive(in, indexKey{}, newIndex) }

func newIndex(in *mutator.Input) *index {
	x := &index{clusters: map[string]*reached{}, anywhere: newReached(anywhere(in.Objects.Of(gvk)))}
	alike := map[string]*reached{}
	for i, name := range in.Reach().Clusters() {
		reach := in.Reach().Of(name)
		led := ledBy(reach)
		group := alike[led]
		if group == nil {
			group = newReached(leading(in, reach))
			alike[led] = group
			x.groups = append(x.groups, group)
		}
		group.clusters++
		group.last = i
		x.clusters[name] = group
	}
	x.reaches = len(x.anywhere.found) > 0 || slices.ContainsFunc(x.groups, func(r *reached) bool { return len(r.found) > 0 })
	return x
}

// ledBy is the same for clusters to which the same leads.
func ledBy(r *xds.Origin) string {
	var b strings.Builder
	for _, l := range r.Listeners() {
		b.WriteString(l.String() + "\x00")
	}
	for _, m := range r.Marks() {
		b.WriteString("\x01" + m.Key + "\x00" + m.Value)
	}
	return b.String()
}

// leading are the policies that reach a cluster. Those of routes were left on the routes
// by the Route hook, those of Gateways and listeners came with the call.
func leading(in *mutator.Input, r *xds.Origin) []policy.Candidate {
	found := mutator.Attached(in, gvk, r.Listeners())
	for _, m := range r.Marks() {
		found = append(found, mutator.Marked(in, gvk.Kind, m)...)
	}
	policy.Sort(found)
	return found
}

func newReached(found []policy.Candidate) *reached {
	r := &reached{found: found}
	if len(found) > 0 {
		r.key = keyOf(found[:1])
	}
	return r
}

// keyOf stands for what the policies say and how they are attached.
func keyOf(found []policy.Candidate) string {
	var b strings.Builder
	for _, c := range found {
		b.WriteString(c.Digest())
		b.WriteByte(byte(c.Specificity))
	}
	return b.String()
}

// byLast are the groups in the order of their last clusters.
func (x *index) byLast() []*reached {
	return slices.SortedFunc(slices.Values(x.groups), func(a, b *reached) int { return cmp.Compare(a.last, b.last) })
}
