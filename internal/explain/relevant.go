package explain

import (
	"slices"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// relevant returns a function that reports whether a call must be run for the subject. Of calls for
// other Gateways, only the names are read. It selects whole translations, with the single-resource
// calls that belong to them.
func (q *Query) relevant(calls []*recording.Call) func(*recording.Call) bool {
	all := func(*recording.Call) bool { return true }
	if q.Name == "" || slices.ContainsFunc(calls, func(c *recording.Call) bool { return c.Abridged || translationOf(c) == "" }) {
		return all
	}
	of := map[string]bool{}
	for _, c := range calls {
		if q.isIn(c) {
			of[translationOf(c)] = true
		}
	}
	if len(of) == 0 { // a subject whose name is in no call can be in the metadata of its routes
		return all
	}
	return func(c *recording.Call) bool { return of[translationOf(c)] }
}

// translationOf returns the ID of the translation that a call is or belongs to.
func translationOf(c *recording.Call) string {
	if c.Hook == mutator.HookTranslation {
		return c.ID
	}
	return c.Translation
}

// isIn reports whether a call concerns the subject, as far as is known without running it.
func (q *Query) isIn(c *recording.Call) bool {
	switch {
	case q.Kind == xds.KindGateway:
		return isIn(q.Namespace+"/"+q.Name, c.Gateway)
	case !q.Subject.IsPolicy():
		return true
	}
	return slices.ContainsFunc(c.Objects, func(raw []byte) bool {
		s := SubjectOf(raw)
		return s.Kind == q.Kind && (q.Group == "" || s.Group == q.Group) && s.Namespace == q.Namespace && s.Name == q.Name
	})
}

// skim records the names in a call that is not run.
func (e *examination) skim(c *recording.Call) {
	e.count(c, c.Gateway, nil)
	e.names.add(c.Call)
	e.names.gateways(c.Gateway)
	for _, raw := range c.Objects {
		if o := readObject(raw); o != nil {
			e.names.policies[o.gvk.Kind+" "+o.namespace+"/"+o.name] = true
		}
	}
}
