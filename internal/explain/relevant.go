package explain

import (
	"slices"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// relevant returns whether a call has to be run for the subject. Calls of other Gateways are only
// looked at for their names. It goes by translations: a call for a single resource belongs to one.
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
	if len(of) == 0 { // what is in no call by its name can be in the metadata of its routes
		return all
	}
	return func(c *recording.Call) bool { return of[translationOf(c)] }
}

// translationOf is the ID of the translation that a call is or belongs to.
func translationOf(c *recording.Call) string {
	if c.Hook == mutator.HookTranslation {
		return c.ID
	}
	return c.Translation
}

// isIn tells whether a call is about the subject, as far as that can be told without running it.
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

// skim takes in the names of a call that is not run.
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
