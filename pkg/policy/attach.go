package policy

import "slices"

// GatewayGroup is the API group of Gateways and routes.
const GatewayGroup = "gateway.networking.k8s.io"

const (
	kindGateway      = "Gateway"
	kindGatewayClass = "GatewayClass"
)

// TargetRef is an object, or a section of one, to which a policy can be attached.
type TargetRef struct {
	// Kind is Gateway, HTTPRoute or GRPCRoute.
	Kind            string
	Namespace, Name string
	// SectionName is a listener of a Gateway or a named rule of a route.
	SectionName string
	// ListenerSet is the ListenerSet to which a listener belongs. A policy on the Gateway applies to
	// this listener; a policy on a listener of the Gateway with the same name does not.
	ListenerSet string
}

// Specificity is how specific the target of a policy is: precedence, highest first: rule, route,
// listener, Gateway, GatewayClass.
type Specificity int

// Specificities from the least to the most specific, with their numbers in entries. NotAttached is
// the specificity of a policy without a target here.
const (
	NotAttached Specificity = iota - 1
	ToGatewayClass
	ToGateway
	ToListener
	ToRoute
	ToRule
)

// AttachedTo returns how the policy is attached to the target. Routes are targets only in the Route
// hook, where all policies belong to one route.
func (o *Object) AttachedTo(p TargetRef) Specificity {
	best := NotAttached
	if o.class && p.Kind == kindGateway {
		best = ToGatewayClass
	}
	if o.selected.has(p) {
		best = specificity(p.Kind, false)
	}
	if o.Namespace != p.Namespace {
		return best
	}
	for _, t := range o.Targets {
		if t.Group != GatewayGroup || t.Kind != p.Kind || t.Name != p.Name {
			continue
		}
		if t.SectionName != "" && (t.SectionName != p.SectionName || p.ListenerSet != "") {
			continue
		}
		best = max(best, specificity(p.Kind, t.SectionName != ""))
	}
	return best
}

// MaxSpecificity returns the specificity of the policy's most specific target, wherever it is.
func (o *Object) MaxSpecificity() Specificity {
	best := NotAttached
	if o.class {
		best = ToGatewayClass
	}
	for _, t := range o.Targets {
		if t.Group == GatewayGroup && t.Kind != kindGatewayClass {
			best = max(best, specificity(t.Kind, t.SectionName != ""))
		}
	}
	for _, kind := range o.selected.kinds {
		best = max(best, specificity(kind, false))
	}
	return best
}

func specificity(kind string, section bool) Specificity {
	switch {
	case kind == kindGateway && !section:
		return ToGateway
	case kind == kindGateway:
		return ToListener
	case !section:
		return ToRoute
	default:
		return ToRule
	}
}

// Attachment is a policy and its specificity for the resource in question.
type Attachment struct {
	*Object
	Specificity Specificity
}

// Sort puts the policy with precedence first.
func Sort(c []Attachment) {
	slices.SortStableFunc(c, func(a, b Attachment) int {
		if a.Specificity != b.Specificity {
			return int(b.Specificity - a.Specificity)
		}
		return Compare(a.Object, b.Object)
	})
}
