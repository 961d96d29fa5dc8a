package engine

import (
	"context"
	"slices"
	"strings"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// record adds an effect on a resource that is not in the call, if effects are recorded.
func (s *settling) record(effect Effect) {
	if s.recordsEffects {
		s.res.effects = append(s.res.effects, placed{nowhere, effect})
	}
}

// effects returns the effects of a step and of its partial failures.
func (c *chain[T]) effects(ctx context.Context, in *mutator.Input, s *step[T], r *resource[T], o *Outcome, before []byte) []Effect {
	e := Effect{Feature: s.feature, Kind: c.kind, Name: r.name, Before: before, After: r.encoded, Result: o.Result, Err: o.Err}
	e.Policies, e.Uncertain = c.policiesOf(ctx, in, s, r.original)
	all := []Effect{e}
	if o.Err != nil {
		return all
	}
	for _, f := range r.partialOutcomes(o) {
		partial := e
		partial.Before, partial.Result, partial.Err = e.After, f.Result, f.Err
		if len(f.affected) > 0 {
			partial.Policies, partial.Uncertain = f.affected, false
		}
		all = append(all, partial)
	}
	return all
}

// policiesOf returns the custom resources that a step is for, and whether the plan does not name
// them.
func (c *chain[T]) policiesOf(ctx context.Context, in *mutator.Input, s *step[T], original []byte) (on []*policy.Object, uncertain bool) {
	if s.plan != nil && s.plan.Affected != nil {
		if target, err := c.decode(original); err == nil {
			affected := s.plan.Affected
			on, err = sandbox.RunOnce(ctx, c.sandbox, s.owner, func(context.Context) ([]*policy.Object, error) { return affected(target), nil })
			if err == nil {
				return distinct(on), false
			}
		}
	}
	on = distinct(s.objects(in))
	return on, len(on) > 0
}

// distinct removes objects that are the same custom resource as an earlier one.
func distinct(all []*policy.Object) (out []*policy.Object) {
	seen := map[policy.ID]bool{}
	for _, o := range all {
		if id := o.ID(); !seen[id] {
			seen[id] = true
			out = append(out, o)
		}
	}
	return out
}

// recordAddition records the outcome of an addition. A cluster may name its policy in its metadata.
func (s *settling) recordAddition(f *mutator.Feature, o *Outcome, add proto.Message) {
	if !s.recordsEffects {
		return
	}
	e := Effect{Feature: o.Feature, Kind: o.Kind, Name: o.Name, Result: o.Result, Err: o.Err}
	if o.Result == Added {
		e.After, _ = encode(add) // as when it was added
	}
	e.Policies, e.Uncertain = allPolicies(s.in, f)
	if c, ok := add.(*clusterv3.Cluster); ok {
		if by := fromProvenance(c, e.Policies); len(by) > 0 {
			e.Policies, e.Uncertain = by, false
		}
	}
	s.record(e)
}

// fromProvenance returns the policies that a cluster names in its provenance metadata.
func fromProvenance(c *clusterv3.Cluster, policies []*policy.Object) []*policy.Object {
	entries := xds.MetadataEntries(c.GetMetadata())
	return slices.DeleteFunc(slices.Clone(policies), func(o *policy.Object) bool {
		return !slices.ContainsFunc(entries, func(m xds.MetadataEntry) bool {
			name, _, _ := strings.Cut(m.Value, " ")
			return mutator.IsEntryOf(o.GroupVersionKind, m) && name == o.Namespace+"/"+o.Name
		})
	})
}

// recordCopy records what a feature did to a copy of a cluster.
func (s *settling) recordCopy(c copied, feature int, before, after []byte, r Result, err error) {
	s.record(Effect{
		Feature: s.variants.names[feature], Kind: mutator.KindCluster, Name: c.name, CopyOf: c.of,
		Policies: c.variants[feature].Policies, Before: before, After: after, Result: r, Err: err,
	})
}

// recordKept returns a function that records that a renamed cluster is also in the translation
// under its old name, for the features that renamed it.
func (s *settling) recordKept() func(renamed) {
	at := sync.OnceValue(s.renaming) // lazily, since there can be thousands
	return func(r renamed) {
		e := Effect{Kind: mutator.KindCluster, Name: r.was, CopyOf: r.name, After: r.raw, Result: Added}
		if by := at()[r.spot]; by != nil {
			e.Feature, e.Policies, e.Uncertain = by.Feature, by.Policies, by.Uncertain
		}
		s.record(e)
	}
}

// renaming returns the last effects of features that rename clusters, by spot.
func (s *settling) renaming() map[spot]*Effect {
	at := map[spot]*Effect{}
	for i := range s.res.effects {
		if p := &s.res.effects[i]; p.Result == Applied && s.renames(p.Feature) {
			by := p.Effect // a copy, because the list grows
			at[p.spot] = &by
		}
	}
	return at
}

func (s *settling) renames(feature string) bool {
	return slices.ContainsFunc(s.features, func(f mutator.Feature) bool { return f.Name == feature && f.RenamesClusters })
}

// recordReleased records what releasing routes changed in route configurations, for the policies in
// the metadata of the routes.
func (s *settling) recordReleased(before, after [][]byte) {
	for i := range after {
		if string(before[i]) == string(after[i]) {
			continue
		}
		e := Effect{Kind: mutator.KindRouteConfiguration, Name: wire.NewView(wire.FieldNumbersOf((*routev3.RouteConfiguration)(nil)), before[i]).Name(), Before: before[i], After: after[i], Result: Applied}
		if origin := s.in.Routes().Configuration(e.Name); origin != nil {
			for j := range s.features {
				for _, k := range kindsOfFeature(&s.features[j]) {
					for _, m := range origin.MetadataEntries() {
						for _, a := range mutator.DecodeAttached(s.in, k, m) {
							e.Policies = append(e.Policies, a.Object)
						}
					}
				}
			}
		}
		e.Policies = distinct(e.Policies)
		s.record(e)
	}
}

// recordDropped records that an addition is removed again.
func (s *settling) recordDropped(o *Outcome, raw []byte) {
	e := Effect{Feature: o.Feature, Kind: o.Kind, Name: o.Name}
	for _, p := range s.res.effects {
		if p.spot == nowhere && p.Feature == e.Feature && p.Kind == e.Kind && p.Name == e.Name {
			e.Policies, e.Uncertain, e.CopyOf = p.Policies, p.Uncertain, p.CopyOf
		}
	}
	e.Before, e.Result, e.Err = raw, o.Result, o.Err
	s.record(e)
}

// recordPruned records that a Secret was pruned. It is not known which policy of the feature made a
// listener stop using it.
func (r *Response) recordPruned(in *mutator.Input, f *mutator.Feature, name string, raw []byte) {
	e := Effect{Feature: f.Name, Kind: mutator.KindSecret, Name: name, Before: raw, Result: Pruned}
	e.Policies, e.Uncertain = allPolicies(in, f)
	r.effects = append(r.effects, placed{nowhere, e})
}

// allPolicies returns the custom resources of a feature in a call, and whether there are any.
func allPolicies(in *mutator.Input, f *mutator.Feature) (all []*policy.Object, uncertain bool) {
	all = distinct(objectsOf(in, kindsOfFeature(f)))
	return all, len(all) > 0
}

func kindsOfFeature(f *mutator.Feature) []policy.Kind {
	return slices.Concat(f.Policies, f.Filters, f.Backends)
}
