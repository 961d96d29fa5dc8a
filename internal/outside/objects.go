package outside

import (
	"context"
	"errors"
	"slices"

	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/wiring"
)

// Objects returns the custom resources of a subject as JSON, whether Envoy Gateway sends them or
// not. Unreadable ones are omitted: the stages report the reason.
func (k *Kubernetes) Objects(ctx context.Context, s explain.Subject) (out [][]byte) {
	if !s.IsPolicy() {
		return nil
	}
	for _, of := range slices.Concat(k.Needs.Policies, k.Needs.Filters, k.Needs.Backends) {
		if s.Kind == "" || s.Kind == of.Kind && (s.Group == "" || s.Group == of.Group) {
			out = append(out, k.objectsOf(ctx, of, s)...)
		}
	}
	return out
}

// objectsOf returns the objects of one kind.
func (k *Kubernetes) objectsOf(ctx context.Context, of wiring.Kind, s explain.Subject) (out [][]byte) {
	found := k.objects(ctx, of, s.Name == "")
	if found.err != nil {
		return nil
	}
	if s.Name != "" {
		object, err := k.Cluster.Get(ctx, found.resource, s.Namespace, s.Name)
		if err != nil {
			return nil
		}
		if text, err := object.MarshalJSON(); err == nil {
			out = append(out, text)
		}
		return out
	}
	for _, object := range found.objects {
		if text, err := object.MarshalJSON(); err == nil {
			out = append(out, text)
		}
	}
	return out
}

// Replicas are the reports of several replicas on one subject, by name.
type Replicas map[string]*explain.Report

// Merge returns the report of the replica that was called last, with notes on its policies about
// different results of others.
func (all Replicas) Merge() (*explain.Report, error) {
	var main *explain.Report
	var of string
	for _, name := range all.names() {
		if r := all[name]; main == nil || later(r, main) {
			main, of = r, name
		}
	}
	if main == nil {
		return nil, errors.New("no egraft responds")
	}
	for _, name := range all.names() {
		if name != of && all[name].Calls.Count > 0 {
			compare(main, name, all[name])
		}
	}
	return main, nil
}

func (all Replicas) names() (out []string) {
	for name := range all {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// later reports whether a report is based on later calls.
func later(r, than *explain.Report) bool {
	if (r.Calls.Count > 0) != (than.Calls.Count > 0) {
		return r.Calls.Count > 0
	}
	return r.Calls.Last != nil && (than.Calls.Last == nil || r.Calls.Last.After(*than.Calls.Last))
}

// compare notes if a policy stopped at a different stage in another replica.
func compare(main *explain.Report, name string, other *explain.Report) {
	for _, p := range main.Policies {
		o := other.Policy(explain.Subject{Kind: p.Kind, Group: p.Group, Namespace: p.Namespace, Name: p.Name})
		if o == nil || o.StoppedAt == p.StoppedAt {
			continue
		}
		at := "in effect"
		if o.StoppedAt > 0 {
			at = "stopped: " + o.Stages[o.StoppedAt-1].Summary
		}
		s := &p.Stages[explain.StageApplied-1]
		s.Details = append(s.Details, "another replica of egraft, "+name+", has it "+at)
	}
}
