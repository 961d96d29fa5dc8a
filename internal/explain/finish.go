package explain

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/xds"
)

// finish makes the report from the recorded calls.
func (e *examination) finish(ctx context.Context) (*Report, error) {
	for id := range e.policies {
		if s := e.policies[id]; s.calls > 0 {
			e.names.policies[s.String()] = true
		}
	}
	seen := e.names.seen()
	changes := e.ofSubject()
	policies := e.selected(changes)
	if e.Query.IsPolicy() && e.Name != "" && len(policies) == 0 {
		policies = append(policies, e.unknown())
	}
	if err := e.compare(ctx, changes, policies); err != nil {
		return nil, err
	}
	for _, s := range policies {
		e.examine(s, seen)
		own := e.own(s)
		if e.Query.IsPolicy() {
			s.Policy.Changes = e.list(own)
		}
		var err error
		if s.Policy.Wanted, err = e.wanted(own); err != nil {
			return nil, err
		}
		e.report.Policies = append(e.report.Policies, s.Policy)
	}
	if !e.Query.IsPolicy() {
		e.report.Changes = e.list(changes)
	}
	e.report.Findings = e.whole(seen)
	if e.Query.Seen {
		e.report.Seen = seen
	}
	return e.report, nil
}

// unknown returns the entry of a custom resource that is in no call.
func (e *examination) unknown() *subject {
	group := e.Group
	for _, k := range Kinds(e.features) {
		if k.Kind == e.Kind && group == "" {
			group = k.Group
		}
	}
	return e.of(identity{group, e.Kind, e.Namespace, e.Name})
}

// compare compares the resources that the report needs compared.
func (e *examination) compare(ctx context.Context, changes []*change, policies []*subject) error {
	all, most := map[*change]bool{}, len(changes)
	add := func(list []*change) {
		failedFirst(list)
		seen := map[group]int{}
		for i, c := range list {
			g := c.group()
			if seen[g]++; c.mayBeEmpty() || seen[g] <= maxSampled || e.Diff && i < maxResources {
				all[c] = true
			}
		}
	}
	add(changes)
	add(slices.DeleteFunc(slices.Clone(e.changes), func(c *change) bool { return !c.releases() }))
	for _, s := range policies {
		add(s.changes)
		most = max(most, len(s.changes))
	}
	// Releases come last: in a long list they are not shown.
	return compareAll(ctx, slices.Collect(maps.Keys(all)), e.Diff && most <= maxResources)
}

// group is the key by which a [Summary] counts.
type group struct {
	feature, kind, result string
	shadow                bool
}

func (c *change) group() group { return group{c.Feature, string(c.Change.Kind), c.Result, c.Shadow} }

// failedFirst sorts failed changes before the others.
func failedFirst(all []*change) {
	slices.SortStableFunc(all, func(a, b *change) int { return cmp.Compare(b.Error, "") - cmp.Compare(a.Error, "") })
}

// ofSubject returns the changes of a Gateway, a route or a cluster.
func (e *examination) ofSubject() []*change {
	if e.Query.IsPolicy() {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(e.changes), func(c *change) bool {
		switch {
		case e.Name == "":
			return false
		case e.Kind == ClusterKind:
			return !c.isCluster(e.Name)
		case e.Kind == xds.KindGateway:
			return !isIn(e.Namespace+"/"+e.Name, c.Gateway)
		default:
			return !c.isOf(e.Kind, e.Namespace, e.Name)
		}
	})
}

// selected returns the custom resources of the subject.
func (e *examination) selected(changes []*change) []*subject {
	of := map[string]bool{}
	for _, c := range changes {
		for _, p := range c.Policies {
			of[p] = of[p] || !c.effect.Uncertain || c.Error != ""
		}
	}
	out := slices.DeleteFunc(slices.Clone(e.order), func(s *subject) bool { return !e.selects(s, of) })
	slices.SortFunc(out, func(a, b *subject) int {
		return cmp.Or(cmp.Compare(a.Feature, b.Feature), cmp.Compare(a.Kind, b.Kind), a.created().Compare(b.created()), cmp.Compare(a.String(), b.String()))
	})
	return out
}

// created returns when the custom resource was created: if two have the same target, the older one
// takes precedence.
func (s *subject) created() time.Time {
	if s.object == nil {
		return time.Time{}
	}
	return s.object.created
}

func (e *examination) selects(s *subject, of map[string]bool) bool {
	switch {
	case e.Kind == "":
		return len(e.Objects) == 0 || slices.ContainsFunc(e.Objects, func(raw []byte) bool { return s.is(SubjectOf(raw)) })
	case e.Query.IsPolicy():
		return s.Kind == e.Kind && (e.Group == "" || s.Group == e.Group) && (e.Name == "" || s.Namespace == e.Namespace && s.Name == e.Name)
	case e.Name == "" && e.Kind == xds.KindGateway:
		return true
	case e.Kind == xds.KindGateway:
		return slices.Contains(s.gateways, e.Namespace+"/"+e.Name) || s.object != nil && s.object.hasTarget(e.Kind, e.Namespace, e.Name)
	case e.Kind != ClusterKind && s.object != nil && s.object.hasTarget(e.Kind, e.Namespace, e.Name):
		return true
	}
	return of[s.String()]
}

// whole returns the findings about the calls, or about the subject, as a whole.
func (e *examination) whole(seen *Seen) (found []Finding) {
	if e.report.Calls.Count == 0 && len(e.report.Policies) > 0 {
		return nil // each of them has this finding
	}
	if e.report.Calls.Count == 0 {
		return []Finding{Find(finding.NeverCalled, "egraft has received no call from Envoy Gateway")}
	}
	for _, text := range e.report.Calls.Errors {
		found = append(found, Find(finding.CallFailed, text))
	}
	if e.Query.IsPolicy() || e.Name == "" {
		return found
	}
	if e.Kind == ClusterKind {
		if names := slices.Sorted(maps.Keys(e.clusters)); !e.clusters[e.Name] && len(e.report.Changes.Resources) == 0 {
			found = append(found, Find(finding.UnknownResource, "no call contains cluster "+e.Name+suggest(e.Name, names, "")+existing("cluster", names)))
		}
		return found
	}
	if seen.find(e.Kind, e.Namespace, e.Name) != nil {
		return found
	}
	code := finding.UnknownResource
	if e.Kind == xds.KindGateway {
		code = finding.GatewayNotCalled
	}
	names := seen.named(e.Kind, e.Namespace)
	message := fmt.Sprintf("no call contains %s %s/%s%s", e.Kind, e.Namespace, e.Name, suggest(e.Name, names, e.Kind+" "+e.Namespace+"/"))
	if others := seen.elsewhere(e.Kind, e.Namespace, e.Name); len(others) > 0 {
		message += "; there is " + list(others)
	}
	return append(found, Find(code, message+existing(e.Kind+" in namespace "+e.Namespace, names)))
}

// maxResources limits the changed resources in a list. maxSampled limits how many of each group are
// compared for the fields of its summary.
const (
	maxResources = 1000
	maxSampled   = 100
)

// list makes the list of changes, failed ones first.
func (e *examination) list(all []*change) *Changes {
	all = slices.DeleteFunc(slices.Clone(all), func(c *change) bool { return c.empty })
	failedFirst(all)
	out := &Changes{Summary: []Summary{}, Resources: []Change{}, Omitted: max(0, len(all)-maxResources)}
	at := map[group]int{}
	for i, c := range all {
		n, seen := at[c.group()]
		if !seen {
			n, at[c.group()] = len(out.Summary), len(out.Summary)
			out.Summary = append(out.Summary, Summary{Feature: c.Feature, Kind: c.Kind, Result: c.Result, Code: c.Code, Shadow: c.Shadow})
		}
		out.Summary[n].Count++
		out.Summary[n].add(c.result)
		if i >= maxResources {
			continue
		}
		if e.Diff {
			c.Diff = c.result
		}
		out.Resources = append(out.Resources, c.Change)
	}
	return out
}
