package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// settling finds edits that failed although their mutators succeeded, which only the whole
// translation shows.
type settling struct {
	*Engine
	p    *callState
	in   *mutator.Input
	call *Call
	res  *Response

	lacking lacking
	copies  map[string]bool  // by name, also those not made: Envoy rejects the requests of their routes
	broken  map[string]error // features whose Additions failed
}

// referring is a resource to which edits added references.
type referring struct {
	spot
	references []reference
}

// settle makes edits fail that refer to resources that are not in the translation, as if their
// mutators had failed: the failure policy applies, and other resources keep their edits. It costs
// nothing if all additions were made and no edit added a reference.
func (s *settling) settle(ctx context.Context) error {
	s.dropDependent()
	u := unsettled{}
	s.findLacking(u)
	s.lacking.blame()
	s.findBroken(u)
	s.findReferences(u)
	for found := s.findTaken(u) || len(u) > 0; found; found = s.findTaken(u) { // repeated without the mutators that failed
		if err := s.again(ctx, u); err != nil {
			return err
		}
	}
	return nil
}

// changed calls f with each changed resource of the call.
func (s *settling) changed(f func(at spot, before, now []byte)) {
	for l, list := range s.call.Resources {
		for i, before := range list.Encoded {
			if now := s.res.Resources[l].Encoded[i]; !bytes.Equal(before, now) {
				f(spot{l, i}, before, now)
			}
		}
	}
}

// findLacking finds the resources that refer to an addition that was not made.
func (s *settling) findLacking(u unsettled) {
	if len(s.lacking.why) == 0 {
		return
	}
	s.changed(func(at spot, before, now []byte) {
		for _, name := range slices.Sorted(maps.Keys(s.lacking.broughtIn(before, now))) {
			s.lacking.wanted[name] = true
			for feature, o := range s.lacking.why[name] {
				u.fail(at, feature, fmt.Errorf("refers to %q, which is not added: %w", name, o.Err))
			}
		}
	})
}

// findBroken finds the resources changed by a feature whose Additions failed: any of them may refer
// to an addition.
func (s *settling) findBroken(u unsettled) {
	if len(s.broken) == 0 {
		return
	}
	by := map[subject][]string{}
	for _, o := range s.res.Outcomes {
		if o.Result == Applied && s.broken[o.Feature] != nil {
			by[subject{o.Kind, o.Name}] = append(by[subject{o.Kind, o.Name}], o.Feature)
		}
	}
	s.changed(func(at spot, before, _ []byte) {
		for _, feature := range by[s.subject(at, before)] {
			u.fail(at, feature, s.broken[feature])
			u.fail(at, leadingOwner(feature), s.broken[feature])
		}
	})
}

func (s *settling) subject(at spot, before []byte) subject {
	kind := s.call.Resources[at.list].Kind
	if chain := s.chains[s.in.Hook][kind]; chain != nil {
		return subject{kind, chain.name(before)}
	}
	return subject{kind, ""}
}

// findReferences finds the resources with dangling references.
func (s *settling) findReferences(u unsettled) {
	if len(s.res.referring) == 0 {
		return
	}
	there := s.names()
	for _, r := range s.res.referring {
		for _, ref := range r.references {
			if !there(ref) && !s.noteDangling(r.spot, ref) {
				u.fail(r.spot, ref.owner, ref.err())
			}
		}
	}
}

// names returns a function that reports whether a reference resolves in the translation. It returns
// true for a kind that is not included in the call.
func (s *settling) names() func(reference) bool {
	set := func(kind mutator.Kind, shape wire.FieldNumbers) func() map[string]bool {
		return sync.OnceValue(func() map[string]bool {
			names := map[string]bool{}
			for _, name := range namesOf(s.res, kind, shape) {
				names[name] = true
			}
			if kind == mutator.KindCluster {
				for _, r := range s.res.renamed {
					names[r.was] = true // routes are changed to the new name later
				}
				maps.Copy(names, s.copies)
			}
			return names
		})
	}
	sets := map[mutator.Kind]func() map[string]bool{
		mutator.KindCluster:            set(mutator.KindCluster, wire.FieldNumbersOf((*clusterv3.Cluster)(nil))),
		mutator.KindRouteConfiguration: set(mutator.KindRouteConfiguration, wire.FieldNumbersOf((*routev3.RouteConfiguration)(nil))),
	}
	return func(r reference) bool { return !s.in.Has(r.kind) || sets[r.kind]()[r.name] }
}

// again runs the chains of resources again, as if the mutators in u had failed.
func (s *settling) again(ctx context.Context, u unsettled) error {
	spots := slices.SortedFunc(maps.Keys(u), spot.compare)
	results, there := make([]resourceResult, len(spots)), s.names()
	parallel(len(spots), 1, func() (func(int), func()) {
		return func(i int) { results[i] = s.without(ctx, spots[i], u[spots[i]], there) }, func() {}
	})
	replaced := map[subject]bool{}
	for _, at := range spots {
		replaced[s.subject(at, s.call.Resources[at.list].Encoded[at.at])] = true
	}
	s.res.forget(func(o *Outcome) bool { return replaced[subject{o.Kind, o.Name}] })
	s.res.effects = slices.DeleteFunc(s.res.effects, func(p placed) bool { return u[p.spot] != nil })
	s.res.renamed = slices.DeleteFunc(s.res.renamed, func(r renamed) bool { return u[r.spot] != nil })
	s.res.forgetCounts(func(p placedCounts) bool { return u[p.spot] != nil })
	cloned := map[int]bool{}
	for i, at := range spots {
		a := &results[i]
		s.res.add(a.result.outcomes...)
		s.res.place(at, a.result.effects)
		s.res.addCounts(at, "", a.result.counts)
		if a.err != nil {
			return fmt.Errorf("%s hook: %w", s.in.Hook, a.err)
		}
		list := &s.res.Resources[at.list]
		if !cloned[at.list] { // it may be the list of the call
			list.Encoded, cloned[at.list] = slices.Clone(list.Encoded), true
		}
		list.Encoded[at.at] = a.raw
		if names := s.res.names[list.Kind]; at.at < len(names) {
			names[at.at] = a.result.name
		}
		if a.result.was != "" && list.Kind == mutator.KindCluster {
			s.res.rename(a.result, at, s.call.Resources[at.list].Encoded[at.at])
		}
	}
	slices.SortFunc(s.res.renamed, func(a, b renamed) int { return a.compare(b.spot) })
	return nil
}

// without returns the result for a resource on which features failed. If it still has a missing
// reference, it is denied whatever the failure policy is: Envoy would reject it.
func (s *settling) without(ctx context.Context, at spot, failed map[string]error, there func(reference) bool) resourceResult {
	before := s.call.Resources[at.list].Encoded[at.at]
	chain := s.chains[s.in.Hook][s.call.Resources[at.list].Kind]
	a := chain.without(ctx, s.in, before, failed)
	if a.err != nil || len(s.lacking.broughtIn(before, a.raw)) == 0 && !slices.ContainsFunc(a.result.references, func(r reference) bool { return !there(r) }) {
		return a
	}
	owner := slices.Min(slices.Collect(maps.Keys(failed)))
	denied := chain.denyResource(before, featureOf(owner), failed[owner])
	if ignored := ignoredOf(a.result.outcomes, failed); len(ignored) > 0 && denied.err == nil {
		denied.result.outcomes = ignored // with the affected policies
	}
	return denied
}

// ignoredOf returns the outcomes of features that failed with Ignored, as outcomes of a denied
// resource.
func ignoredOf(all []*Outcome, failed map[string]error) (out []*Outcome) {
	for _, o := range all {
		if (failed[o.Feature] != nil || failed[leadingOwner(o.Feature)] != nil) && o.Result == Ignored {
			also := *o
			also.Result = Denied
			out = append(out, &also)
		}
	}
	return out
}

// forget removes outcomes.
func (r *Response) forget(of func(*Outcome) bool) {
	r.Outcomes = slices.DeleteFunc(r.Outcomes, of)
	r.failures = slices.DeleteFunc(r.failures, of)
}

// dropDependent removes additions that refer to one that was not made.
func (s *settling) dropDependent() {
	for dropped := len(s.lacking.why) > 0; dropped; {
		dropped = false
		for l := range s.res.Resources {
			list, from := &s.res.Resources[l], 0
			if l < len(s.call.Resources) {
				from = len(s.call.Resources[l].Encoded)
			}
			for i := len(list.Encoded) - 1; i >= from; i-- {
				for on := range s.lacking.in(list.Encoded[i]) {
					dropped, s.lacking.wanted[on] = true, true
					s.drop(list, i, on)
					break
				}
			}
		}
	}
}

// drop removes an addition that refers to another one, which is missing.
func (s *settling) drop(list *Resources, at int, on string) {
	names := s.res.names[list.Kind]
	name, raw := names[at], list.Encoded[at]
	list.Encoded, s.res.names[list.Kind] = slices.Delete(list.Encoded, at, at+1), slices.Delete(names, at, at+1)
	s.res.forgetCounts(func(p placedCounts) bool { return list.Kind == mutator.KindCluster && p.copied == name })
	err := fmt.Errorf("the addition refers to %q, which is not added", on)
	for _, o := range s.res.Outcomes {
		if o.Result == Added && o.Kind == list.Kind && o.Name == name {
			o.Result, o.Err = Ignored, err
			delete(s.lacking.there, name)
			s.recordDropped(o, raw)
			s.lacking.note(o, name)
			s.res.failures = append(s.res.failures, o)
		}
	}
}

// untyped returns an error without its type: otherwise each affected resource would be counted as
// another panic or timeout.
func untyped(err error) error { return errors.New(err.Error()) }
