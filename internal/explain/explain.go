package explain

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// Explainer replays calls and explains their effects. It is safe for concurrent use.
type Explainer struct {
	// Engine runs the calls. Its cache, quarantine and statistics are not modified.
	Engine *engine.Engine
	// Features are the features of the engine.
	Features []mutator.Feature
}

// Query is what to explain, and in which detail.
type Query struct {
	Subject
	// Diff adds the changed fields of resources.
	Diff bool
	// Seen adds the names in calls.
	Seen bool
	// Wanted adds the resources that Envoy should have.
	Wanted bool
	// Objects are custom resources, as JSON, that may be in no call: those of the subject are in
	// the report, too.
	Objects [][]byte
}

// Explain examines the last translation of each Gateway, with the calls that belong to it.
func (x *Explainer) Explain(ctx context.Context, r *recording.Recording, q Query) (*Report, error) {
	e := &examination{
		Query: q, features: x.Features, policies: map[identity]*subject{}, names: newInventory(), clusters: map[string]bool{}, returned: map[string]returned{},
		report: &Report{Version: Version, Subject: q.String(), Policies: []*Policy{}, Calls: Calls{Gateways: []string{}}},
	}
	earlier := callfile.Returned{}
	calls := current(r)
	isRelevant := q.relevant(calls)
	for _, c := range calls {
		if !isRelevant(c) {
			e.skim(c)
			continue
		}
		if c.Abridged {
			if err := earlier.Complete(c.Call); err != nil {
				return nil, fmt.Errorf("call %s: %w", c.ID, err)
			}
		}
		res, effects, err := x.Engine.Explain(ctx, c.Call)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if res == nil {
			res = &engine.Response{}
			err = errors.Join(err, errors.New("no response"))
		}
		if x.abridges(r) {
			if err := earlier.Note(res); err != nil {
				return nil, fmt.Errorf("call %s: %w", c.ID, err)
			}
		}
		e.add(c, res, effects, err)
	}
	e.addObjects()
	return e.finish(ctx)
}

// abridges reports whether some calls of a recording stand for what earlier ones returned.
func (x *Explainer) abridges(r *recording.Recording) bool {
	return slices.ContainsFunc(r.Calls, func(c *recording.Call) bool { return c.Abridged })
}

// current returns the calls that describe the current state: calls replaced by a later translation
// of the same Gateway are left out.
func current(r *recording.Recording) []*recording.Call {
	latest := r.Latest()
	var out []*recording.Call
	for _, c := range r.Calls {
		of := func(t *recording.Call) bool {
			return t == c || c.Hook != mutator.HookTranslation && t.ID == c.Translation
		}
		if c.Hook != mutator.HookTranslation && c.Translation == "" || slices.ContainsFunc(latest, of) {
			out = append(out, c)
		}
	}
	return out
}

// identity identifies a custom resource.
type identity struct{ group, kind, namespace, name string }

// subject is the collected information about a custom resource.
type subject struct {
	*Policy
	object   *object  // the latest version, nil if only its name is known
	gateways []string // of the translations that contain it
	calls    int      // number of calls that contain it
	changes  []*change
	settled  bool // a translation contains it
}

// examination is the state of a report in the making.
type examination struct {
	Query
	features []mutator.Feature
	policies map[identity]*subject
	order    []*subject
	changes  []*change
	names    *inventory
	clusters map[string]bool
	returned map[string]returned // by the Gateways of the translation
	report   *Report
}

// of returns the entry of a custom resource, and creates it if necessary.
func (e *examination) of(id identity) *subject {
	s := e.policies[id]
	if s == nil {
		s = &subject{Policy: &Policy{Group: id.group, Kind: id.kind, Namespace: id.namespace, Name: id.name, Feature: e.featureOf(id)}}
		e.policies[id] = s
		e.order = append(e.order, s)
	}
	return s
}

func (e *examination) featureOf(id identity) string {
	for i := range e.features {
		for _, k := range Kinds(e.features[i : i+1]) {
			if k.Group == id.group && k.Kind == id.kind {
				return e.features[i].Name
			}
		}
	}
	return ""
}

// add records a call.
func (e *examination) add(c *recording.Call, res *engine.Response, effects []engine.Effect, err error) {
	at := c.Gateway
	if at == "" && c.Hook == mutator.HookTranslation && res.Subject != nil {
		at = res.Subject()
	}
	e.count(c, at, err)
	for _, w := range res.Warnings {
		if text := w.Error(); !slices.Contains(e.report.Calls.Warnings, text) {
			e.report.Calls.Warnings = append(e.report.Calls.Warnings, text)
		}
	}
	e.names.add(c.Call)
	e.names.gateways(at)
	seen := map[*subject]bool{}
	for _, raw := range c.Objects {
		if o := readObject(raw); o != nil {
			s := e.of(o.identity())
			s.object, s.Generation = o, o.generation
			seen[s] = true
		}
	}
	subject := at
	if c.Hook != mutator.HookTranslation && res.Subject != nil {
		subject = res.Subject()
	}
	outcomes := map[identity]mutator.Reason{}
	for _, p := range res.Policies {
		outcomes[identityOf(p.Policy)] = p.Reason
		s := e.of(identityOf(p.Policy))
		seen[s] = true
		s.note(c.Hook, subject, p)
	}
	for i := range effects {
		for _, on := range effects[i].Policies {
			seen[e.of(identityOf(on))] = true
		}
		e.addEffect(c, at, &effects[i], outcomes)
	}
	if e.Wanted && c.Hook == mutator.HookTranslation {
		e.returned[at] = newReturned(res)
	}
	for s := range seen {
		s.calls++
		s.settled = s.settled || c.Hook == mutator.HookTranslation
		s.addGateways(at)
	}
}

// count records the properties of a call as a whole.
func (e *examination) count(c *recording.Call, gateways string, err error) {
	calls := &e.report.Calls
	calls.Count++
	if c.Hook == mutator.HookTranslation {
		calls.Translations++
	}
	for name := range strings.SplitSeq(gateways, ",") {
		if name != "" && !slices.Contains(calls.Gateways, name) {
			calls.Gateways = append(calls.Gateways, name)
		}
	}
	if at := c.Last; !at.IsZero() && (calls.Last == nil || calls.Last.Before(at)) {
		calls.Last = &at
	}
	if err != nil {
		calls.Errors = append(calls.Errors, fmt.Sprintf("%s hook, %s: %v", c.Hook, orNone(gateways), err))
	}
	for _, list := range c.Resources {
		if list.Kind == mutator.KindCluster && e.Kind == ClusterKind {
			for _, raw := range list.Encoded {
				e.clusters[nameOf(mutator.KindCluster, raw)] = true
			}
		}
	}
}

// addGateways records the Gateways of a translation.
func (s *subject) addGateways(names string) {
	for name := range strings.SplitSeq(names, ",") {
		if name != "" && !slices.Contains(s.gateways, name) {
			s.gateways = append(s.gateways, name)
		}
	}
}

// addObjects adds custom resources that may be in no call.
func (e *examination) addObjects() {
	for _, raw := range e.Objects {
		if o := readObject(raw); o != nil {
			if s := e.of(o.identity()); s.object == nil {
				s.object, s.Generation = o, o.generation
			}
		}
	}
}
