package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/utils/ptr"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
)

// TestSelectedByStatus: a Gateway in the status is selected only if nothing else explains its
// presence.
func TestSelectedByStatus(t *testing.T) {
	const (
		gateways, all, same = `{"kind":"Gateway"}`, `{"kind":"Gateway","namespaces":{"from":"All"}}`, `{"kind":"Gateway","namespaces":{"from":"Same"}}`
		selector            = `{"kind":"Gateway","namespaces":{"from":"Selector"}}`
		routes, allRoutes   = `{"kind":"HTTPRoute"}`, `{"kind":"HTTPRoute","namespaces":{"from":"All"}}`
		foreign             = `{"group":"example.com","kind":"Gateway","namespaces":{"from":"All"}}`
		own, others         = `{"kind":"Gateway","namespace":"ns","name":"eg"}`, `{"kind":"Gateway","namespace":"other","name":"eg"}`
	)
	for name, c := range map[string]struct {
		refs, selectors, ancestors []string
		own, others                bool
	}{
		"own namespace":                      {nil, []string{gateways}, []string{own, others}, true, false},
		"the same, spelt out":                {nil, []string{same}, []string{own, others}, true, false},
		"all namespaces":                     {nil, []string{all}, []string{own, others}, true, true},
		"by labels of namespaces":            {nil, []string{selector}, []string{others}, false, true},
		"all, and the own":                   {nil, []string{all, same}, []string{own, others}, true, true},
		"all, and a target that is a route":  {[]string{ref("HTTPRoute", "r", "")}, []string{all}, []string{own, others}, true, false},
		"all, and routes":                    {nil, []string{all, routes}, []string{own, others}, true, false},
		"routes, and all":                    {nil, []string{routes, all}, []string{own, others}, true, false},
		"routes of all namespaces":           {nil, []string{gateways, allRoutes}, []string{own, others}, true, false},
		"all, and a target that is Gateway":  {[]string{ref("Gateway", "x", "")}, []string{all}, []string{own, others}, true, true},
		"routes alone":                       {nil, []string{routes}, []string{own, others}, false, false},
		"of another group":                   {nil, []string{foreign}, []string{own, others}, false, false},
		"own, and all of another group":      {nil, []string{gateways, foreign}, []string{own, others}, true, false},
		"not in the status":                  {nil, []string{all}, nil, false, false},
		"another kind in the status":         {nil, []string{all}, []string{strings.ReplaceAll(own, "Gateway", "Service")}, false, false},
		"a listener in the status":           {nil, []string{all}, []string{`{"kind":"Gateway","namespace":"ns","name":"eg","sectionName":"http"}`}, false, false},
		"a Gateway of another name is there": {nil, []string{all}, []string{`{"kind":"Gateway","namespace":"ns","name":"eg2"}`}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			var ancestors []string
			for _, a := range c.ancestors {
				ancestors = append(ancestors, `{"ancestorRef":`+a+`}`)
			}
			o := parse(t, fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":"p"},
				"spec":{"targetRefs":[%s],"targetSelectors":[%s]},"status":{"ancestors":[%s]}}`,
				strings.Join(c.refs, ","), strings.Join(c.selectors, ","), strings.Join(ancestors, ",")))[0]
			place := policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}
			require.Equal(t, c.own, o.AttachedTo(place) == policy.ToGateway)
			place.Namespace = "other"
			require.Equal(t, c.others, o.AttachedTo(place) == policy.ToGateway)
		})
	}
}

// TestTargetsThatCannotBeTold: only targets with an ambiguous selection are rejected.
func TestTargetsThatCannotBeTold(t *testing.T) {
	from := func(kind gwapiv1.Kind, from string) v1alpha1.TargetSelector {
		s := v1alpha1.TargetSelector{Group: policy.GatewayGroup, Kind: kind, MatchLabels: map[string]string{"a": "b"}}
		if from != "" {
			s.Namespaces = &v1alpha1.TargetNamespaces{From: strings.TrimSpace(from)}
		}
		return s
	}
	const rejected = "spec.targetSelectors[%d].namespaces: Forbidden: a policy that targets routes cannot also select Gateways in other namespaces: use a policy for each"
	route, gateway := named("HTTPRoute", "r"), named("Gateway", "eg")
	for name, c := range map[string]struct {
		refs      []gwapiv1.LocalPolicyTargetReferenceWithSectionName
		selectors []v1alpha1.TargetSelector
		err       string
	}{
		"route, and all Gateways":        {refs(route), selectors(from("Gateway", "All")), fmt.Sprintf(rejected, 0)},
		"second is a route":              {refs(gateway, route), selectors(from("Gateway", "All")), fmt.Sprintf(rejected, 0)},
		"all Gateways, and routes":       {nil, selectors(from("Gateway", "All"), from("HTTPRoute", "")), fmt.Sprintf(rejected, 0)},
		"routes, and all Gateways":       {nil, selectors(from("HTTPRoute", ""), from("Gateway", "All")), fmt.Sprintf(rejected, 1)},
		"route, and own Gateways":        {refs(route), selectors(from("Gateway", "")), ""},
		"route, and the same, spelt out": {refs(route), selectors(from("Gateway", "Same")), ""},
		"route, and the default":         {refs(route), selectors(from("Gateway", " ")), ""},
		"route, and routes of all":       {refs(route), selectors(from("HTTPRoute", "All")), ""},
		"Gateway, and all Gateways":      {refs(gateway), selectors(from("Gateway", "All")), ""},
	} {
		t.Run(name, func(t *testing.T) {
			targets := &v1alpha1.PolicyTargets{TargetRefs: c.refs, TargetSelectors: c.selectors}
			requireErrors(t, policy.ValidateTargets(targets, []string{"Gateway", "HTTPRoute"}, field.NewPath("spec")), c.err)
		})
	}
}

func refs(r ...gwapiv1.LocalPolicyTargetReferenceWithSectionName) []gwapiv1.LocalPolicyTargetReferenceWithSectionName {
	return r
}

func selectors(s ...v1alpha1.TargetSelector) []v1alpha1.TargetSelector { return s }

func named(kind, name string) gwapiv1.LocalPolicyTargetReferenceWithSectionName {
	var r gwapiv1.LocalPolicyTargetReferenceWithSectionName
	r.Group, r.Kind, r.Name = policy.GatewayGroup, gwapiv1.Kind(kind), gwapiv1.ObjectName(name)
	return r
}

// requireErrors requires one error, or none if want is empty.
func requireErrors(t *testing.T, errs field.ErrorList, want string) {
	t.Helper()
	if want == "" {
		require.Empty(t, errs)
		return
	}
	require.EqualError(t, errs.ToAggregate(), want)
}

// TestLimitsOfTargets: the limits are the limits of the CRDs: a value at a limit is accepted, and
// one more is not.
func TestLimitsOfTargets(t *testing.T) {
	targets := func(n int) (out []gwapiv1.LocalPolicyTargetReferenceWithSectionName) {
		for i := range n {
			out = append(out, named("Gateway", fmt.Sprint("eg", i)))
		}
		return out
	}
	selector := func(labels, expressions int) v1alpha1.TargetSelector {
		s := v1alpha1.TargetSelector{Kind: "Gateway", MatchLabels: map[string]string{}}
		for i := range labels {
			s.MatchLabels[fmt.Sprint("l", i)] = "x"
		}
		for i := range expressions {
			s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{Key: fmt.Sprint("e", i), Operator: metav1.LabelSelectorOpExists})
		}
		return s
	}
	section := func(n int) gwapiv1.LocalPolicyTargetReferenceWithSectionName {
		r := named("Gateway", "eg")
		r.SectionName = ptr.To(gwapiv1.SectionName(strings.Repeat("s", n)))
		return r
	}
	for name, c := range map[string]struct {
		most, more v1alpha1.PolicyTargets
		err        string
	}{
		"targets":      {v1alpha1.PolicyTargets{TargetRefs: targets(16)}, v1alpha1.PolicyTargets{TargetRefs: targets(17)}, "spec.targetRefs: Too many: 17: must have at most 16 items"},
		"name":         {v1alpha1.PolicyTargets{TargetRefs: refs(named("Gateway", strings.Repeat("n", 253)))}, v1alpha1.PolicyTargets{TargetRefs: refs(named("Gateway", strings.Repeat("n", 254)))}, "spec.targetRefs[0].name: Too long: may not be more than 253 bytes"},
		"section":      {v1alpha1.PolicyTargets{TargetRefs: refs(section(253))}, v1alpha1.PolicyTargets{TargetRefs: refs(section(254))}, "spec.targetRefs[0].sectionName: Too long: may not be more than 253 bytes"},
		"selectors":    {v1alpha1.PolicyTargets{TargetSelectors: slices.Repeat(selectors(selector(1, 0)), 16)}, v1alpha1.PolicyTargets{TargetSelectors: slices.Repeat(selectors(selector(1, 0)), 17)}, "spec.targetSelectors: Too many: 17: must have at most 16 items"},
		"labels":       {v1alpha1.PolicyTargets{TargetSelectors: selectors(selector(32, 0))}, v1alpha1.PolicyTargets{TargetSelectors: selectors(selector(33, 0))}, "spec.targetSelectors[0].matchLabels: Too many: 33: must have at most 32 items"},
		"requirements": {v1alpha1.PolicyTargets{TargetSelectors: selectors(selector(0, 32))}, v1alpha1.PolicyTargets{TargetSelectors: selectors(selector(0, 33))}, "spec.targetSelectors[0].matchExpressions: Too many: 33: must have at most 32 items"},
		"from": {
			v1alpha1.PolicyTargets{TargetSelectors: selectors(v1alpha1.TargetSelector{Kind: "Gateway", Namespaces: &v1alpha1.TargetNamespaces{}})},
			v1alpha1.PolicyTargets{TargetSelectors: selectors(v1alpha1.TargetSelector{Kind: "Gateway", Namespaces: &v1alpha1.TargetNamespaces{From: "Selector"}})},
			`spec.targetSelectors[0].namespaces.selector: Invalid value: "Selector": set selector if from is Selector, and only then`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Empty(t, policy.ValidateTargets(&c.most, []string{"Gateway"}, field.NewPath("spec")))
			requireErrors(t, policy.ValidateTargets(&c.more, []string{"Gateway"}, field.NewPath("spec")), c.err)
		})
	}
}
