package policy

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// shadow is the value of spec.effect for objects that change nothing.
const shadow = "Shadow"

// Set is the custom resources of one call, the older ones first. It is immutable.
type Set struct {
	objects []*Object // enforced ones
	shadow  []*Object
	ofKind  map[schema.GroupVersionKind][]*Object
}

// Read reads a custom resource. It returns nil without error for one of another extension
// server, and may return the same object for the same bytes.
type Read func(raw []byte) (*Object, error)

// ReadOf reads custom resources of the given kinds.
func ReadOf(kinds []Kind) Read {
	return func(raw []byte) (*Object, error) { return parse(kinds, raw, atOnce) }
}

// NewSet reads custom resources of the given kinds as [ReadSet] does.
func NewSet(kinds []Kind, raw [][]byte) (*Set, error) { return ReadSet(ReadOf(kinds), raw) }

// ReadSet reads custom resources. The error lists inputs that are no custom resources; the set
// holds the rest.
func ReadSet(read Read, raw [][]byte) (*Set, error) {
	var errs []error
	var enforced, shadow []*Object
	for _, r := range raw {
		o, err := read(r)
		if err != nil {
			errs = append(errs, err)
		}
		switch {
		case o == nil:
		case o.Shadow:
			shadow = append(shadow, o)
		default:
			enforced = append(enforced, o)
		}
	}
	s := newSet(enforced)
	s.shadow = shadow
	return s, errors.Join(errs...)
}

func newSet(objects []*Object) *Set {
	s := &Set{objects: objects, ofKind: map[schema.GroupVersionKind][]*Object{}}
	slices.SortStableFunc(s.objects, Compare)
	rejectExcess(s.objects)
	for _, o := range s.objects {
		s.ofKind[o.GroupVersionKind] = append(s.ofKind[o.GroupVersionKind], o)
	}
	return s
}

// Shadow returns the objects with the effect Shadow, of all kinds. The list must not be changed.
func (s *Set) Shadow() []*Object { return s.shadow }

// WithShadow returns the set as if the objects with the effect Shadow were enforced.
func (s *Set) WithShadow() *Set { return newSet(slices.Concat(s.objects, s.shadow)) }

// WithErrors returns the set with some objects replaced by invalid copies that have the given
// errors.
func (s *Set) WithErrors(errs map[ID]error) *Set {
	objects := slices.Clone(s.objects)
	for i, o := range objects {
		if err := errs[o.ID()]; err != nil {
			objects[i] = o.WithError(err)
		}
	}
	out := newSet(objects)
	out.shadow = s.shadow
	return out
}

// Of returns the enforced objects of a kind, the older ones first. The list must not be changed.
func (s *Set) Of(gvk schema.GroupVersionKind) []*Object { return s.ofKind[gvk] }

// Len returns the number of enforced objects of all kinds.
func (s *Set) Len() int { return len(s.objects) }
