package manifest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// TestPolicyYAML: tests apply a BackendMTLSPolicy without unknown fields.
func TestPolicyYAML(t *testing.T) {
	cases := map[string]Policy{
		"peers": {Name: "a", Kind: "Gateway", Target: "eg", Identity: "/envoy", Peers: []string{"exact: spiffe://example.org/echo", "prefix: spiffe://example.org/x/"}, Socket: "/s"},
		"all": {
			Name: "a", Kind: "HTTPRoute", Target: "r", Section: "http", Identity: "/envoy", AllowAny: true, Socket: "/s",
			PlaintextBackends: "Deny", TrustBundles: []string{"example.org", "example.com"}, FetchTimeout: time.Second, Created: time.Unix(1, 0),
		},
	}
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			var got v1alpha1.BackendMTLSPolicy
			require.NoError(t, yaml.UnmarshalStrict([]byte(p.YAML()), &got))
			assert.Equal(t, p.Name, got.Name)
			assert.Equal(t, p.Target, string(got.Spec.TargetRefs[0].Name))
			assert.Len(t, got.Spec.Peers, len(p.Peers))
			assert.Equal(t, p.AllowAny, got.Spec.AllowAnyInTrustDomain)
		})
	}
}

func TestRouteYAML(t *testing.T) {
	r := Route{Name: "echo", Port: 3443, Section: "http", CA: []byte("line 1\nline 2\n"), Hostname: "echo.example.org"}
	documents := strings.Split(r.YAML(), "\n---\n")
	require.Len(t, documents, 4)
	var last struct {
		Data map[string]string `json:"data"`
	}
	for _, document := range documents {
		require.NoError(t, yaml.Unmarshal([]byte(document), &last))
	}
	assert.Equal(t, "line 1\nline 2\n", strings.TrimRight(last.Data["ca.crt"], "\n")+"\n")
}
