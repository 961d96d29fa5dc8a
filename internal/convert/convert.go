// Package convert writes XDSPatchPolicies and FilterPolicies that have the effect of EnvoyPatchPolicies.
//
// It makes the change that an operation of a JSON patch makes on a copy of what Envoy has, looks for
// patches of egraft that make the same change, and compares the results. What it cannot convert so, it
// tells, with the reason: it must not guess. It reads no files and prints nothing.
package convert

import (
	"context"
	"fmt"
	"strings"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/policy"
)

// Converter converts policies.
type Converter struct {
	// World is what Envoy has, nil if that is not known: then names are read as Envoy Gateway makes them.
	World *World
	// Kinds are the ways to read an XDSPatchPolicy and a FilterPolicy. What they call invalid is not
	// written.
	Kinds []policy.Kind
	// Restrictions are what namespaces may have.
	Restrictions tenancy.Restrictions
}

// Result is what became of policies.
type Result struct {
	Objects []*Object
	Told    []Told
	// Grants are what namespaces lack for the objects, and Rules what --namespace-rules has to be for them.
	Grants []*Grant
	Rules  tenancy.Rules
}

// Told is what is to be told of one operation.
type Told struct {
	// Policy is the EnvoyPatchPolicy, as namespace/name.
	Policy string
	// Field is the operation, such as spec.jsonPatches[2], and Operation what it does.
	Field, Operation string
	Reason, Remedy   string
	// IsNote says that the operation is converted, with something to know.
	IsNote bool
}

// String is a line for people.
func (t Told) String() string {
	text := "EnvoyPatchPolicy " + t.Policy + ": "
	if t.Field != "" {
		text += t.Field + ": "
	}
	if t.Operation != "" {
		text += t.Operation + ": "
	}
	if !t.IsNote {
		text += "not converted: "
	}
	text += t.Reason
	if t.Remedy != "" {
		if !strings.HasSuffix(text, "?") {
			text += "."
		}
		text += " " + t.Remedy
	}
	return text
}

// IsComplete tells whether all operations are converted.
func (r *Result) IsComplete() bool {
	for _, t := range r.Told {
		if !t.IsNote {
			return false
		}
	}
	return true
}

// refusal is why an operation is not converted.
type refusal struct{ reason, remedy string }

func (r *refusal) Error() string { return r.reason }

func refuse(remedy, format string, args ...any) error {
	return &refusal{fmt.Sprintf(format, args...), remedy}
}

// Convert converts policies, in the order in which Envoy Gateway applies them.
func (c *Converter) Convert(ctx context.Context, policies []*Policy) *Result {
	c = &Converter{World: c.World.fresh(), Kinds: c.Kinds, Restrictions: c.Restrictions}
	out := &collected{converter: c, used: map[string]bool{}, added: filtersOf(policies)}
	for _, p := range byPriority(policies) {
		out.begin(p)
		isInEffect := c.isInEffect(ctx, p)
		if isInEffect {
			out.note("what Envoy has is with the EnvoyPatchPolicy: what was there in place of its values is not known, and removed", "")
		}
		for i := range p.Patches {
			out.field(i, &p.Patches[i])
			j := &job{converter: c, ctx: ctx, policy: p, patch: &p.Patches[i], isInEffect: isInEffect}
			if err := j.convert(out); err != nil {
				out.refuse(err)
			}
		}
		out.end()
	}
	return out.result()
}
