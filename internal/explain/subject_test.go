package explain_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/explain"
)

func TestParseSubject(t *testing.T) {
	kinds := []schema.GroupVersionKind{
		{Group: "egraft.io", Version: "v1alpha1", Kind: "BackendMTLSPolicy"},
		{Group: "example.com", Version: "v1", Kind: "WAF"},
	}
	mtls := explain.Subject{Kind: "BackendMTLSPolicy", Namespace: "a", Name: "b"}
	for _, test := range []struct {
		args string
		want explain.Subject
		err  string
	}{
		{"", explain.Subject{}, ""},
		{"all", explain.Subject{}, ""},
		{"backendmtlspolicy/a/b", mtls, ""},
		{"BackendMTLSPolicies a/b", mtls, ""},
		{"backendmtlspolicies.egraft.io/a/b", explain.Subject{Kind: "BackendMTLSPolicy", Group: "egraft.io", Namespace: "a", Name: "b"}, ""},
		{"waf", explain.Subject{Kind: "WAF"}, ""},
		{"gateways", explain.Subject{Kind: "Gateway"}, ""},
		{"httproute/a/b", explain.Subject{Kind: "HTTPRoute", Namespace: "a", Name: "b"}, ""},
		{"cluster httproute/a/b/rule/0", explain.Subject{Kind: "Cluster", Name: "httproute/a/b/rule/0"}, ""},
		{"cluster/x", explain.Subject{Kind: "Cluster", Name: "x"}, ""},
		{"gateway/a", explain.Subject{}, `"gateway/a" is not a subject: use gateway/NAMESPACE/NAME`},
		{"gateway/a/b/c", explain.Subject{}, `"gateway/a/b/c" is not a subject: use gateway/NAMESPACE/NAME`},
		{"cluster/", explain.Subject{}, `"cluster/" is not a subject: use cluster/NAME`},
		{"waf.egraft.io", explain.Subject{}, `there is no kind "waf.egraft.io": the kinds are backendmtlspolicy, waf, gateway, httproute, grpcroute, cluster, without the kinds of disabled features`},
		{"backendmtlpolicy", explain.Subject{}, `there is no kind "backendmtlpolicy": did you mean backendmtlspolicy? The kinds are backendmtlspolicy, waf, gateway, httproute, grpcroute, cluster`},
	} {
		s, err := explain.ParseSubject(strings.Fields(test.args), kinds)
		if test.err != "" {
			require.EqualError(t, err, test.err)
			continue
		}
		require.NoError(t, err, test.args)
		require.Equal(t, test.want, s, test.args)
		again, err := explain.ParseSubject([]string{s.String()}, kinds)
		require.NoError(t, err)
		require.Equal(t, s, again)
	}
}

func TestNearest(t *testing.T) {
	names := []string{"eg", "egress", "shop", "shop-v2", "sohp", strings.Repeat("x", 300)}
	for _, test := range []struct {
		name string
		want []string
	}{
		{"egg", []string{"eg"}},
		{"eg", nil},
		{"shpo", []string{"shop"}},
		{"shop-v3", []string{"shop-v2"}},
		{"unlike", nil},
		{"", nil},
		{strings.Repeat("x", 299), nil},
	} {
		require.Equal(t, test.want, explain.Nearest(test.name, names, 2), test.name)
	}
	require.Len(t, explain.Nearest("a", []string{"b", "c", "d", "b"}, 2), 2)
}
