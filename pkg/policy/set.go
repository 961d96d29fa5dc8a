package policy

import (
	"errors"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Set is the custom resources of one call, the older ones first. It does not change.
type Set struct {
	objects []*Object
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

// ReadSet reads custom resources. The error names what is no custom resource at all; the
// set holds the rest.
func ReadSet(read Read, raw [][]byte) (*Set, error) {
	s := &Set{ofKind: map[schema.GroupVersionKind][]*Object{}}
	var errs []error
	for _, r := range raw {
		o, err := read(r)
		if err != nil {
			errs = append(errs, err)
		}
		if o != nil {
			s.objects = append(s.objects, o)
		}
	}
	slices.SortStableFunc(s.objects, compare)
	s.rejectExcess()
	for _, o := range s.objects {
		s.ofKind[o.GroupVersionKind] = append(s.ofKind[o.GroupVersionKind], o)
	}
	return s, errors.Join(errs...)
}

// Of returns the objects of a kind, the older ones first. The list must not be changed.
func (s *Set) Of(gvk schema.GroupVersionKind) []*Object { return s.ofKind[gvk] }

// Len is the number of objects of all kinds.
func (s *Set) Len() int { return len(s.objects) }
