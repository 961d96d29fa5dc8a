package tenancy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/tenancy"
)

func patchPolicy(patch string) string {
	return fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy","metadata":{"namespace":"shop","name":"p"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"a"}],"patches":[%s]}}`, patch)
}

// TestPatchesNeedAGrant: sensitive fields need a grant that names them, and others need one for
// Gateways of other namespaces.
func TestPatchesNeedAGrant(t *testing.T) {
	const (
		timeout = `{"select":{"kind":"Cluster"},"merge":{"connectTimeout":"1s"}}`
		socket  = `{"select":{"kind":"Cluster"},"remove":"transport_socket"}`
		sni     = `{"select":{"kind":"UpstreamTLS"},"set":{"path":"sni","expression":"'a'"}}`
		needs   = "spec.patches[0]: Forbidden: namespace shop may not patch transport_socket of Cluster: the operator can grant it by patches=Cluster:transport_socket of --namespace-rules"
	)
	for _, c := range []struct {
		rules, patch, want string
		ownGateways        bool
	}{
		{"", timeout, "", true},
		{"namespaces=*", timeout, "", true},
		{"namespaces=*;patches=Route", timeout, "", true},
		{"namespaces=*;patches=Cluster:outlier_detection", timeout, "", true},
		{"namespaces=pay;patches=* namespaces=*", timeout, "", true},
		{"namespaces=*;patches=Cluster", timeout, "", false},
		{"namespaces=*;patches=*", timeout, "", false},
		{"namespaces=*;patches=Cluster:connect_timeout", timeout, "", false},
		{"", socket, needs, true},
		{"namespaces=*;patches=*", socket, needs, false},
		{"namespaces=*;patches=Cluster", socket, needs, false},
		{"namespaces=*;patches=Cluster:transport_socket", socket, "", false},
		{"namespaces=*;patches=Cluster:*", socket, "", false},
		{"namespaces=*;patches=Cluster:transport_socket", timeout + "," + socket, "", true},
		{"namespaces=*;patches=UpstreamTLS", sni, "may not patch sni of UpstreamTLS", false},
		{"namespaces=*;patches=UpstreamTLS:sni", sni, "", false},
	} {
		o := read(t, tenancy.Restrictions{Rules: rules(t, c.rules)}, patchPolicy(c.patch))[0]
		if c.want == "" {
			require.NoError(t, o.Err, c)
			require.Equal(t, c.ownGateways, o.OwnGateways, c)
			continue
		}
		require.ErrorContains(t, o.Err, c.want, c)
	}
}

func TestPatchesOfRules(t *testing.T) {
	for text, want := range map[string]string{
		"Secret":                  `rules[0].patches[0]: Invalid value: "Secret": must begin with a kind of message, such as Cluster`,
		"*,Cluster":               `rules[0].patches[0]: Invalid value: "*": must be the only one`,
		"Cluster:conect_timeout":  `must have the path of a field after the colon: "conect_timeout" is not a field of Cluster`,
		"":                        `rules[0].patches: Invalid value: []: must not be empty`,
		"HTTPFilter:*,Cluster:lb": `"lb" is not a field of Cluster`,
	} {
		r, err := tenancy.ParseRules("namespaces=*;patches=" + text)
		require.NoError(t, err)
		require.ErrorContains(t, r.Validate(field.NewPath("rules")).ToAggregate(), want)
	}
	for _, text := range []string{"*", "HTTPFilter", "HTTPFilter:*", "HTTPFilter:max_request_bytes", "Cluster:*", "Cluster:circuit_breakers.thresholds"} {
		r, err := tenancy.ParseRules("namespaces=*;patches=" + text)
		require.NoError(t, err)
		require.Empty(t, r.Validate(field.NewPath("rules")), text)
	}
}
