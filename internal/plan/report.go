package plan

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/redact"
	"github.com/egraft/egraft/pkg/mutator"
)

// Report is a plan.
type Report struct {
	Version  int       `json:"version"`
	Gateways []Gateway `json:"gateways"`
	// Policies are the outcomes of applied custom resources, and those that change.
	Policies []Outcome `json:"policies"`
	// NotSent are custom resources that Envoy Gateway would not send.
	NotSent []NotSent `json:"notSent,omitempty"`
	// Failures are failures of mutators and errors of calls.
	Failures []string `json:"failures,omitempty"`
}

// Gateway has the changes of a translation.
type Gateway struct {
	// Name is namespace/name, several separated by commas.
	Name      string     `json:"name"`
	Resources []Resource `json:"resources"`

	before, after []engine.Resources
}

// Resource is a changed resource.
type Resource struct {
	Op   diff.Op      `json:"op"`
	Kind mutator.Kind `json:"kind"`
	Name string       `json:"name"`
	// Policies are the policies for which egraft changes the resource, before or after.
	Policies []string `json:"policies,omitempty"`
	Impact
	// Diff has the changed fields. It is nil for an added or removed resource.
	Diff *diff.Result `json:"diff,omitempty"`
	// Added is an added resource, without secrets.
	Added json.RawMessage `json:"added,omitempty"`
}

// Outcome is the outcome of a custom resource for a Gateway. Before is empty for a new one, and
// Reason for one that no longer exists.
type Outcome struct {
	Policy   string         `json:"policy"`
	Gateway  string         `json:"gateway"`
	Before   mutator.Reason `json:"before,omitempty"`
	Reason   mutator.Reason `json:"reason,omitempty"`
	Enforced mutator.Reason `json:"enforced,omitempty"`
	Message  string         `json:"message,omitempty"`
}

// NotSent is a custom resource that no call would contain, with the reason.
type NotSent struct {
	Policy  string `json:"policy"`
	Message string `json:"message"`
}

// Counts are the numbers of changed resources.
type Counts struct {
	Add, Change, Remove, Drain, Warm int
}

// Count counts the changes.
func (r *Report) Count() (n Counts) {
	for _, g := range r.Gateways {
		for i := range g.Resources {
			switch g.Resources[i].Op {
			case diff.Added:
				n.Add++
			case diff.Removed:
				n.Remove++
			default:
				n.Change++
			}
			if g.Resources[i].Drains {
				n.Drain++
			}
			if g.Resources[i].Warms {
				n.Warm++
			}
		}
	}
	return n
}

// HasChanges reports whether Envoy's configuration would change.
func (r *Report) HasChanges() bool {
	n := r.Count()
	return n.Add+n.Change+n.Remove > 0
}

type key struct {
	kind mutator.Kind
	name string
}

// owners returns the policies that change resources, by resource.
func owners(effects ...[]engine.Effect) map[key][]string {
	out := map[key][]string{}
	for _, list := range effects {
		for i := range list {
			e := &list[i]
			if e.Shadow || !e.Changed() {
				continue
			}
			names := []key{{e.Kind, e.Name}}
			if now, err := callfile.NameOf(e.Kind, e.After); err == nil && e.After != nil && now != e.Name {
				names = append(names, key{e.Kind, now})
			}
			for _, k := range names {
				for _, o := range e.Policies {
					if !slices.Contains(out[k], o.String()) {
						out[k] = append(out[k], o.String())
					}
				}
			}
		}
	}
	return out
}

// compare compares resources by name.
func compare(before, after []engine.Resources, owners map[key][]string) ([]Resource, error) {
	was, _, err := byName(before)
	if err != nil {
		return nil, err
	}
	is, order, err := byName(after)
	if err != nil {
		return nil, err
	}
	out := []Resource{}
	for _, k := range order {
		r := Resource{Op: diff.Changed, Kind: k.kind, Name: k.name, Policies: owners[k]}
		if string(was[k]) == string(is[k]) {
			continue
		}
		now, err := callfile.Decode(k.kind, is[k])
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", k.kind, k.name, err)
		}
		if was[k] == nil {
			r.Op, r.Impact = diff.Added, impact(nil, now)
			if r.Added, err = redact.JSON(now); err != nil {
				return nil, fmt.Errorf("%s %q: %w", k.kind, k.name, err)
			}
			out = append(out, r)
			continue
		}
		then, err := callfile.Decode(k.kind, was[k])
		if err == nil {
			r.Diff, err = diff.Messages(then, now)
		}
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", k.kind, k.name, err)
		}
		if len(r.Diff.Changes) > 0 {
			r.Impact = impact(then, now)
			out = append(out, r)
		}
	}
	_, order, err = byName(before)
	for _, k := range order {
		if is[k] != nil {
			continue
		}
		then, err := callfile.Decode(k.kind, was[k])
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", k.kind, k.name, err)
		}
		out = append(out, Resource{Op: diff.Removed, Kind: k.kind, Name: k.name, Policies: owners[k], Impact: impact(then, nil)})
	}
	return out, err
}

// byName returns resources by kind and name, the first of several with the same name, and their order.
func byName(lists []engine.Resources) (map[key][]byte, []key, error) {
	out, order := map[key][]byte{}, []key{}
	for _, list := range lists {
		for _, raw := range list.Encoded {
			name, err := callfile.NameOf(list.Kind, raw)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", list.Kind, err)
			}
			if k := (key{list.Kind, name}); out[k] == nil {
				out[k], order = raw, append(order, k)
			}
		}
	}
	return out, order, nil
}
