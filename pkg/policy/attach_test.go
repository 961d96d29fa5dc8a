package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// ref returns a target as JSON.
func ref(kind, name, section string) string {
	return fmt.Sprintf(`{"group":"gateway.networking.k8s.io","kind":%q,"name":%q,"sectionName":%q}`, kind, name, section)
}

func parse(t *testing.T, objects ...[]byte) []*policy.Object {
	t.Helper()
	s, err := policy.NewSet([]policy.Kind{kind()}, objects)
	require.NoError(t, err)
	return s.Of(gvk)
}

func targeting(name string, year int, refs ...string) []byte {
	return object(name, year, `{"targetRefs":[`+strings.Join(refs, ",")+`]}`)
}

func TestAttachedTo(t *testing.T) {
	listener := policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}
	rule := policy.TargetRef{Kind: "HTTPRoute", Namespace: "ns", Name: "r", SectionName: "rule"}
	elsewhere := listener
	elsewhere.Namespace = "other"
	for name, c := range map[string]struct {
		refs  []string
		place policy.TargetRef
		want  policy.Specificity
	}{
		"gateway":                 {[]string{ref("Gateway", "eg", "")}, listener, policy.ToGateway},
		"listener":                {[]string{ref("Gateway", "eg", "http")}, listener, policy.ToListener},
		"closest of several":      {[]string{ref("Gateway", "eg", ""), ref("Gateway", "eg", "http")}, listener, policy.ToListener},
		"other listener":          {[]string{ref("Gateway", "eg", "https")}, listener, policy.NotAttached},
		"other gateway":           {[]string{ref("Gateway", "eg2", "")}, listener, policy.NotAttached},
		"other namespace":         {[]string{ref("Gateway", "eg", "")}, elsewhere, policy.NotAttached},
		"other kind of same name": {[]string{ref("HTTPRoute", "eg", "")}, listener, policy.NotAttached},
		"route":                   {[]string{ref("HTTPRoute", "r", "")}, rule, policy.ToRoute},
		"rule":                    {[]string{ref("HTTPRoute", "r", "rule")}, rule, policy.ToRule},
		"other rule":              {[]string{ref("HTTPRoute", "r", "rule-2")}, rule, policy.NotAttached},
		"other group":             {[]string{`{"group":"example.com","kind":"Gateway","name":"eg"}`}, listener, policy.NotAttached},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, parse(t, targeting("p", 0, c.refs...))[0].AttachedTo(c.place))
		})
	}
}

func TestWhoWins(t *testing.T) {
	objects := parse(t,
		targeting("old-gateway", 2020, ref("Gateway", "eg", "")),
		targeting("new-listener", 2026, ref("Gateway", "eg", "http")),
		targeting("old-listener", 2025, ref("Gateway", "eg", "http")),
		targeting("elsewhere", 2019, ref("Gateway", "eg2", "")),
	)
	var order []string
	for _, c := range policy.NewIndex(objects).Attached([]policy.TargetRef{{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}}) {
		order = append(order, c.Name)
	}
	require.Equal(t, []string{"old-listener", "new-listener", "old-gateway"}, order)
}

// selecting returns a policy with target selectors, and with a status from Envoy Gateway that names
// the Gateways.
func selecting(selectors, ancestors string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":"p"},`+
		`"spec":{"targetSelectors":[%s]},"status":{"ancestors":[%s]}}`, selectors, ancestors)
}

func TestSelected(t *testing.T) {
	const gateways = `{"kind":"Gateway","matchLabels":{"a":"b"}}`
	const ancestor = `{"ancestorRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","namespace":"%s","name":"%s"%s}}`
	const everywhere = `{"kind":"Gateway","namespaces":{"from":"All"}}`
	ours, foreign := fmt.Sprintf(ancestor, "ns", "eg", ""), policy.TargetRef{Kind: "Gateway", Namespace: "elsewhere", Name: "eg"}
	listener := policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}
	rule := policy.TargetRef{Kind: "HTTPRoute", Namespace: "elsewhere", Name: "r", SectionName: "rule"}
	for name, c := range map[string]struct {
		selectors, ancestors string
		place                policy.TargetRef
		want                 policy.Specificity
	}{
		"Gateway":                      {gateways, ours, listener, policy.ToGateway},
		"Gateway of another namespace": {everywhere, fmt.Sprintf(ancestor, "elsewhere", "eg", ""), policy.TargetRef{Kind: "Gateway", Namespace: "elsewhere", Name: "eg"}, policy.ToGateway},
		"Gateway of another namespace, where nobody looks":        {gateways, fmt.Sprintf(ancestor, "elsewhere", "eg", ""), foreign, policy.NotAttached},
		"Gateway of another namespace, or a selected route's":     {everywhere + `,{"kind":"HTTPRoute"}`, fmt.Sprintf(ancestor, "elsewhere", "eg", ""), foreign, policy.NotAttached},
		"Gateway of the policy's namespace, or a route's":         {everywhere + `,{"kind":"HTTPRoute"}`, ours, listener, policy.ToGateway},
		"listener of a ListenerSet of a Gateway that is selected": {gateways, ours, policy.TargetRef{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http", ListenerSet: "a/b"}, policy.ToGateway},
		"Gateway that is not selected":                            {gateways, fmt.Sprintf(ancestor, "ns", "other", ""), listener, policy.NotAttached},
		"Gateway of the other namespace":                          {gateways, fmt.Sprintf(ancestor, "elsewhere", "eg", ""), listener, policy.NotAttached},
		"Gateway without status":                                  {gateways, "", listener, policy.NotAttached},
		"listener, which is no selected one":                      {gateways, fmt.Sprintf(ancestor, "ns", "eg", `,"sectionName":"http"`), listener, policy.NotAttached},
		"Gateway, but routes are selected":                        {`{"kind":"HTTPRoute"}`, ours, listener, policy.NotAttached},
		"route":                                                   {`{"group":"gateway.networking.k8s.io","kind":"HTTPRoute"}`, ours, rule, policy.ToRoute},
		"route of another kind":                                   {`{"kind":"GRPCRoute"}`, ours, rule, policy.NotAttached},
		"route of another group":                                  {`{"group":"example.com","kind":"HTTPRoute"}`, ours, rule, policy.NotAttached},
		"route of the second of two selectors":                    {gateways + `,{"kind":"HTTPRoute"}`, ours, rule, policy.ToRoute},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := policy.NewSet([]policy.Kind{kind()}, [][]byte{selecting(c.selectors, c.ancestors)})
			require.NoError(t, err)
			o := s.Of(gvk)[0]
			require.Equal(t, c.want, o.AttachedTo(c.place))
			found := policy.NewIndex([]*policy.Object{o}).Attached([]policy.TargetRef{c.place})
			if c.want == policy.NotAttached {
				require.Empty(t, found)
				return
			}
			require.Len(t, found, 1)
			require.Equal(t, c.want, found[0].Specificity)
		})
	}
}
