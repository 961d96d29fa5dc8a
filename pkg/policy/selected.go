package policy

import "slices"

// selector is the part of a target selector that egraft reads in every policy: Envoy Gateway
// evaluates the labels.
type selector struct {
	Group      string `json:"group"`
	Kind       string `json:"kind"`
	Namespaces struct {
		From string `json:"from"`
	} `json:"namespaces"`
}

// reachesOut reports whether the selector may select Gateways of other namespaces.
func (s *selector) reachesOut() bool {
	return s.Kind == kindGateway && s.Namespaces.From != "" && s.Namespaces.From != "Same"
}

// ancestor is a resource on which a policy is in effect, according to Envoy Gateway in the policy's
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
// Calls do not contain labels. But a call of the Route hook only contains policies of its route, so
// a selector for the route's kind selects the route. And Envoy Gateway writes the policy's status
// before it translates, and sends it: the status names each Gateway that a selector selects. It
// also names the Gateway of each route that the policy targets. With merged Gateways, the policy
// may not target that Gateway itself. So in other namespaces a Gateway counts only if the policy
// selects Gateways there, and targets no routes.
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

// has reports whether the target, or the object of a target section, is selected.
func (s *selection) has(p TargetRef) bool {
	if p.Kind != kindGateway {
		return slices.Contains(s.kinds, p.Kind)
	}
	p.SectionName, p.ListenerSet = "", ""
	return slices.Contains(s.gateways, p)
}
