package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/policy"
)

// TestGatewayClass: a policy that targets a GatewayClass is attached to all Gateways of the calls
// that contain it, if the operator permits it and it has no other target. Any other policy is
// attached to nothing: it may belong to a tenant, and its failure policy would deny all Gateways.
func TestGatewayClass(t *testing.T) {
	granted := kind().WithGatewayClasses(func(namespace, class string) bool { return namespace == "ns" && class == "eg" })
	class := ref("GatewayClass", "eg", "")
	const forbidden = "spec.targetRefs[%d]: Forbidden: namespace ns may not target GatewayClass %s: the operator can grant it by gatewayClasses of --namespace-rules"
	for name, c := range map[string]struct {
		kind  policy.Kind
		spec  string
		class bool
		err   string
	}{
		"granted":                       {granted, class, true, ""},
		"granted, and invalid":          {granted, class + `],"size":"x","a":[`, true, "cannot be read"},
		"not granted":                   {kind(), class, false, fmt.Sprintf(forbidden, 0, "eg")},
		"another class":                 {granted, ref("GatewayClass", "other", ""), false, fmt.Sprintf(forbidden, 0, "other")},
		"beside a Gateway":              {granted, ref("Gateway", "mine", "") + "," + class, false, fmt.Sprintf(forbidden, 1, "eg")},
		"with a section":                {granted, ref("GatewayClass", "eg", "http"), false, fmt.Sprintf(forbidden, 0, "eg")},
		"of another group":              {granted, `{"group":"example.com","kind":"GatewayClass","name":"eg"}`, false, ""},
		"beside a selector of Gateways": {granted, class + `],"targetSelectors":[{"kind":"Gateway"}`, false, fmt.Sprintf(forbidden, 0, "eg")},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := policy.NewSet([]policy.Kind{c.kind}, [][]byte{object("p", 2020, `{"targetRefs":[`+c.spec+`]}`)})
			require.NoError(t, err)
			o := s.Of(gvk)[0]
			if c.err == "" {
				require.NoError(t, o.Err)
			} else {
				require.ErrorContains(t, o.Err, c.err)
			}
			want := policy.NotAttached
			if c.class {
				want = policy.ToGatewayClass
			}
			place := policy.TargetRef{Kind: "Gateway", Namespace: "elsewhere", Name: "any", SectionName: "http"}
			require.Equal(t, want, o.AttachedTo(place))
			require.Equal(t, c.class, len(policy.NewIndex(s.Of(gvk)).Attached([]policy.TargetRef{place})) == 1)
			require.Equal(t, policy.NotAttached, o.AttachedTo(policy.TargetRef{Kind: "HTTPRoute", Namespace: "elsewhere", Name: "eg"}))
			if c.class || name != "beside a Gateway" && name != "beside a selector of Gateways" && name != "of another group" {
				require.Equal(t, want, o.MaxSpecificity())
			}
		})
	}
}

// TestGatewayClassIsTheLeastSpecific: even an older policy on a GatewayClass is less specific.
func TestGatewayClassIsTheLeastSpecific(t *testing.T) {
	all := kind().WithGatewayClasses(func(_, _ string) bool { return true })
	s, err := policy.NewSet([]policy.Kind{all}, [][]byte{targeting("class", 2019, ref("GatewayClass", "eg", "")), targeting("gateway", 2026, ref("Gateway", "eg", ""))})
	require.NoError(t, err)
	found := policy.NewIndex(s.Of(gvk)).Attached([]policy.TargetRef{{Kind: "Gateway", Namespace: "ns", Name: "eg", SectionName: "http"}})
	require.Len(t, found, 2)
	require.Equal(t, []string{"gateway", "class"}, []string{found[0].Name, found[1].Name})
}
