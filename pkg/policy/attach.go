package policy

import "slices"

// GatewayGroup is the API group of Gateways and routes.
const GatewayGroup = "gateway.networking.k8s.io"

const kindGateway = "Gateway"

// TargetRef is something that a policy can be attached to.
type TargetRef struct {
	// Kind is Gateway, HTTPRoute or GRPCRoute.
	Kind            string
	Namespace, Name string
	// SectionName is a listener of a Gateway or a named rule of a route.
	SectionName string
	// ListenerSet is the ListenerSet that a listener is of. A policy on the Gateway is for it,
	// and one on a listener of the Gateway that has the same name is not.
	ListenerSet string
}

// Specificity says how closely a policy is attached: precedence, highest first: rule, route,
// listener, Gateway.
type Specificity int

// From the least to the most specific. NotAttached is that of a policy that has no
// target here.
const (
	NotAttached Specificity = iota
	ToGateway
	ToListener
	ToRoute
	ToRule
)

// AttachedTo returns how the policy is attached to the place. Routes are places of the
// Route hook only, whose policies are those of one route.
func (o *Object) AttachedTo(p TargetRef) Specificity {
	best := NotAttached
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

// MaxSpecificity is how closely the policy is attached to the closest of its targets, wherever
// that is.
func (o *Object) MaxSpecificity() Specificity {
	best := NotAttached
	for _, t := range o.Targets {
		if t.Group == GatewayGroup {
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

// Attachment is a policy and how closely it is attached to what is being decided.
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
		return compare(a.Object, b.Object)
	})
}
