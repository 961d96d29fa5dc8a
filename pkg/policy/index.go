package policy

// Index finds the policies of a target without checking each policy.
type Index struct {
	byTarget map[TargetRef][]*Object // targets have no section name here
	byKind   map[string][]*Object
}

// NewIndex returns an index of the policies.
func NewIndex(objects []*Object) *Index {
	x := &Index{byTarget: map[TargetRef][]*Object{}, byKind: map[string][]*Object{}}
	for _, o := range objects {
		for _, t := range o.Targets {
			if t.Group == GatewayGroup {
				add(x.byTarget, TargetRef{Kind: t.Kind, Namespace: o.Namespace, Name: t.Name}, o)
			}
		}
		if o.class {
			add(x.byKind, kindGateway, o)
		}
		for _, p := range o.selected.gateways {
			add(x.byTarget, p, o)
		}
		for _, kind := range o.selected.kinds {
			if kind != kindGateway {
				add(x.byKind, kind, o)
			}
		}
	}
	return x
}

// add appends the object once: it may target two sections of one Gateway.
func add[K comparable](m map[K][]*Object, at K, o *Object) {
	if there := m[at]; len(there) == 0 || there[len(there)-1] != o {
		m[at] = append(there, o)
	}
}

// Attached returns the policies that are attached to any of the targets. Precedence, highest first:
// more specific, then older.
func (x *Index) Attached(places []TargetRef) []Attachment {
	var out []Attachment
	position := map[*Object]int{}
	look := func(p TargetRef, among []*Object) {
		for _, o := range among {
			s := o.AttachedTo(p)
			if s == NotAttached {
				continue
			}
			if at, there := position[o]; there {
				out[at].Specificity = max(out[at].Specificity, s)
				continue
			}
			position[o] = len(out)
			out = append(out, Attachment{o, s})
		}
	}
	for _, p := range places {
		look(p, x.byTarget[TargetRef{Kind: p.Kind, Namespace: p.Namespace, Name: p.Name}])
		look(p, x.byKind[p.Kind])
	}
	Sort(out)
	return out
}
