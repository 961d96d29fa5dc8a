package policy

import (
	"errors"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Set is the custom resources of one call, the older ones first. It is safe for use by
// several goroutines.
type Set struct {
	kinds   []Kind
	objects []*Object

	mu      sync.Mutex
	carried map[string]*Object
}

// NewSet reads the custom resources of the given kinds and passes over those of other
// kinds, which are another extension server's. The error names what is no custom
// resource at all; the set holds the rest.
func NewSet(kinds []Kind, raw [][]byte) (*Set, error) {
	s := &Set{kinds: kinds}
	var errs []error
	for _, r := range raw {
		o, err := parse(kinds, r)
		if err != nil {
			errs = append(errs, err)
		}
		if o != nil {
			s.objects = append(s.objects, o)
		}
	}
	slices.SortStableFunc(s.objects, compare)
	return s, errors.Join(errs...)
}

// Of returns the objects of a kind, the older ones first.
func (s *Set) Of(gvk schema.GroupVersionKind) []*Object {
	var out []*Object
	for _, o := range s.objects {
		if o.GroupVersionKind == gvk {
			out = append(out, o)
		}
	}
	return out
}

// Len is the number of objects of all kinds.
func (s *Set) Len() int { return len(s.objects) }

// Carried reads an object that another hook left in the configuration, as [Object.Raw]
// gave it. It is nil if raw is no object of a kind of the set.
func (s *Set) Carried(raw string) *Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.carried[raw]; ok {
		return o
	}
	o, err := parse(s.kinds, []byte(raw))
	if err != nil {
		o = nil
	}
	if s.carried == nil {
		s.carried = map[string]*Object{}
	}
	s.carried[raw] = o
	return o
}
