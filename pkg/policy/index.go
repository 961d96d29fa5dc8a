package policy

// Index finds the policies of a place without asking each of them.
type Index struct {
	byTarget map[Place][]*Object // the places have no section name
}

// NewIndex is an index of the policies.
func NewIndex(objects []*Object) *Index {
	x := &Index{byTarget: map[Place][]*Object{}}
	for _, o := range objects {
		for _, t := range o.Targets {
			at := Place{Kind: t.Kind, Namespace: o.Namespace, Name: t.Name}
			if t.Group != GatewayGroup {
				continue
			}
			there := x.byTarget[at]
			if len(there) == 0 || there[len(there)-1] != o { // it may have two sections of one Gateway
				x.byTarget[at] = append(there, o)
			}
		}
	}
	return x
}

// Attached returns the policies that are attached to any of the places, the winner
// first: the most specific ones before the others, and the older before the newer.
func (x *Index) Attached(places []Place) []Candidate {
	var out []Candidate
	position := map[*Object]int{}
	for _, p := range places {
		for _, o := range x.byTarget[Place{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}] {
			s := o.AttachedTo(p)
			if s == NotAttached {
				continue
			}
			if at, there := position[o]; there {
				out[at].Specificity = max(out[at].Specificity, s)
				continue
			}
			position[o] = len(out)
			out = append(out, Candidate{o, s})
		}
	}
	Sort(out)
	return out
}
