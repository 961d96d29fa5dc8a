package policy

import "slices"

// selector is a target selector as far as it is read of every policy: the labels are Envoy
// Gateway's business.
type selector struct {
	Group      string `json:"group"`
	Kind       string `json:"kind"`
	Namespaces struct {
		From string `json:"from"`
	} `json:"namespaces"`
}

// reachesOut tells whether the selector may select Gateways of other namespaces.
func (s *selector) reachesOut() bool {
	return s.Kind == kindGateway && s.Namespaces.From != "" && s.Namespaces.From != "Same"
}

// ancestor is where a policy is in effect by Envoy Gateway's own account, in the policy's
// status.
type ancestor struct {
	AncestorRef struct {
		Kind        string `json:"kind"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		SectionName string `json:"sectionName"`
	} `json:"ancestorRef"`
}

// selection is what the target selectors of a policy select.
//
// Labels do not come with a call. But a call of the Route hook has no other policies than
// those of the route, so a selector for its kind selects it. And the status that Envoy
// Gateway writes before it translates, and sends along, names each Gateway that a selector
// selects. It does so as well for a Gateway that a route is attached to which the policy has for
// a target, and such a Gateway, of merged ones, is not the policy's. So in other namespaces a
// Gateway counts only if the policy looks for Gateways there, and has no route for a target.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/extensionserverpolicy.go
type selection struct {
	kinds    []string
	gateways []TargetRef
}

func newSelection(namespace string, targets []Target, selectors []selector, ancestors []ancestor) (s selection) {
	routes, out := slices.ContainsFunc(targets, func(t Target) bool { return t.Kind != kindGateway }), false
	for _, sel := range selectors {
		if sel.Group == "" || sel.Group == GatewayGroup {
			s.kinds = append(s.kinds, sel.Kind)
			routes, out = routes || sel.Kind != kindGateway, out || sel.reachesOut()
		}
	}
	if !slices.Contains(s.kinds, kindGateway) {
		return s
	}
	for _, a := range ancestors {
		ref := a.AncestorRef
		if ref.Kind == kindGateway && ref.SectionName == "" && (ref.Namespace == namespace || out && !routes) {
			s.gateways = append(s.gateways, TargetRef{Kind: kindGateway, Namespace: ref.Namespace, Name: ref.Name})
		}
	}
	return s
}

// has tells whether the place, or the one that it is a section of, is selected.
func (s *selection) has(p TargetRef) bool {
	if p.Kind != kindGateway {
		return slices.Contains(s.kinds, p.Kind)
	}
	p.SectionName, p.ListenerSet = "", ""
	return slices.Contains(s.gateways, p)
}
