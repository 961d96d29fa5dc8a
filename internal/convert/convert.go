// Package convert converts EnvoyPatchPolicies to XDSPatchPolicies and FilterPolicies with the same effect.
//
// It applies each operation of a JSON patch to a copy of Envoy's configuration, looks for egraft
// patches that make the same change, and compares the results. It reports each operation that it
// cannot convert this way, with the reason: it must not guess. It must not read files or print.
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
	// World is the configuration of the Envoys, nil if unknown: then Envoy Gateway's naming scheme is assumed.
	World *World
	// Kinds decode XDSPatchPolicies and FilterPolicies. Objects that are invalid for them are not written.
	Kinds []policy.Kind
	// Restrictions are the restrictions of namespaces.
	Restrictions tenancy.Restrictions
}

// Result is the result of a conversion.
type Result struct {
	Objects []*Object
	Told    []Told
	// Grants are the grants that namespaces lack for the objects, and Rules the value of
	// --namespace-rules that includes them.
	Grants []*Grant
	Rules  tenancy.Rules
}

// Told is a remark about one operation.
type Told struct {
	// Policy is the EnvoyPatchPolicy, as namespace/name.
	Policy string
	// Field is the operation's path, such as spec.jsonPatches[2], and Operation describes the operation.
	Field, Operation string
	Reason, Remedy   string
	// IsNote is true if the operation was converted, and the remark is only a note.
	IsNote bool
}

// String returns a line for people to read.
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

// IsComplete reports whether all operations were converted.
func (r *Result) IsComplete() bool {
	for _, t := range r.Told {
		if !t.IsNote {
			return false
		}
	}
	return true
}

// rejection is the reason why an operation is not converted.
type rejection struct{ reason, remedy string }

func (r *rejection) Error() string { return r.reason }

func reject(remedy, format string, args ...any) error {
	return &rejection{fmt.Sprintf(format, args...), remedy}
}

// Convert converts policies in the order in which Envoy Gateway applies them.
func (c *Converter) Convert(ctx context.Context, policies []*Policy) *Result {
	c = &Converter{World: c.World.fresh(), Kinds: c.Kinds, Restrictions: c.Restrictions}
	out := &collected{converter: c, used: map[string]bool{}, added: filtersOf(policies)}
	for _, p := range byPriority(policies) {
		out.begin(p)
		isInEffect := c.isInEffect(ctx, p)
		if isInEffect {
			out.note("Envoy's configuration already includes the EnvoyPatchPolicy: the values that it replaced are unknown, and the patches remove them", "")
		}
		for i := range p.Patches {
			out.field(i, &p.Patches[i])
			j := &job{converter: c, ctx: ctx, policy: p, patch: &p.Patches[i], isInEffect: isInEffect}
			if err := j.convert(out); err != nil {
				out.reject(err)
			}
		}
		out.end()
	}
	return out.result()
}
