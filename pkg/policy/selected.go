package policy

import "slices"

// selector is a target selector as far as it is read of every policy: the labels are Envoy
// Gateway's business.
type selector struct {
	Group string `json:"group"`
	Kind  string `json:"kind"`
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
// selects. It does so without a section as well for a Gateway whose route another selector
// of the same policy selects. Only for merged Gateways that makes a difference: a policy
// that selects Gateways and routes is in effect on the merged Gateways of its routes, too.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/extensionserverpolicy.go
type selection struct {
	kinds    []string
	gateways []Place
}

func newSelection(selectors []selector, ancestors []ancestor) (s selection) {
	for _, sel := range selectors {
		if sel.Group == "" || sel.Group == GatewayGroup {
			s.kinds = append(s.kinds, sel.Kind)
		}
	}
	if !slices.Contains(s.kinds, kindGateway) {
		return s
	}
	for _, a := range ancestors {
		if a.AncestorRef.Kind == kindGateway && a.AncestorRef.SectionName == "" {
			s.gateways = append(s.gateways, Place{Kind: kindGateway, Namespace: a.AncestorRef.Namespace, Name: a.AncestorRef.Name})
		}
	}
	return s
}

// has tells whether the place, or the one that it is a section of, is selected.
func (s *selection) has(p Place) bool {
	if p.Kind != kindGateway {
		return slices.Contains(s.kinds, p.Kind)
	}
	p.SectionName = ""
	return slices.Contains(s.gateways, p)
}
