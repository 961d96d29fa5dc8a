package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// ref is a target as JSON.
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
	listener := policy.Place{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}
	rule := policy.Place{Kind: "HTTPRoute", Namespace: "ns", Name: "r", SectionName: "rule"}
	elsewhere := listener
	elsewhere.Namespace = "other"
	for name, c := range map[string]struct {
		refs  []string
		place policy.Place
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
	for _, c := range policy.NewIndex(objects).Attached([]policy.Place{{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}}) {
		order = append(order, c.Name)
	}
	require.Equal(t, []string{"old-listener", "new-listener", "old-gateway"}, order)
}
