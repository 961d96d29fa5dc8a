package catalog_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestGatewayClassPolicy: a policy that targets the GatewayClass is in effect on the Gateways of
// all namespaces if the operator permits it, and less specific than policies on Gateways and
// routes. A tenant's policy on the GatewayClass changes nothing, even if it protects and would deny
// on failure.
func TestGatewayClassPolicy(t *testing.T) {
	const strict, loose = `"peers":[{"exact":"spiffe://example.org/cart"}]`, `"allowAnyInTrustDomain":true`
	platform := backendPolicy("platform", "all", "GatewayClass", "eg", "2020", strict)
	for name, c := range map[string]struct {
		rules    string
		policies [][]byte
		want     string
		reasons  []string
	}{
		"granted":         {"namespaces=platform;gatewayClasses=e* namespaces=*", [][]byte{platform}, "spiffe://example.org/cart", []string{"platform/all Programmed"}},
		"without a grant": {"namespaces=*", [][]byte{platform}, "cleartext", []string{"platform/all Invalid"}},
		"of a tenant":     {"namespaces=platform;gatewayClasses=eg namespaces=*", [][]byte{backendPolicy("shop", "all", "GatewayClass", "eg", "2019", strict)}, "cleartext", []string{"shop/all Invalid"}},
		"below that of a Gateway": {
			"namespaces=platform;gatewayClasses=* namespaces=*",
			[][]byte{platform, backendPolicy("infra", "own", "Gateway", "eg", "2026", loose)},
			"spiffe://example.org/",
			[]string{"platform/all Overridden", "infra/own Programmed"},
		},
		"invalid, of the operator": {
			"namespaces=platform;gatewayClasses=eg namespaces=*",
			[][]byte{backendPolicy("platform", "all", "GatewayClass", "eg", "2020", `"peers":[]`)},
			"rejected",
			[]string{"platform/all Invalid"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := restricted(t, c.rules)
			r := translate(t, e, c.policies, []string{mergedCluster}, hostOf(t, "a", routeOf(t, e, "a", "{cluster: service/shared/cart/8080}")))
			require.Equal(t, c.want, r.reaches(t, 0))
			require.Equal(t, c.reasons, r.reasons())
		})
	}
}

// changes runs a call, and requires whether it changes resources.
func changes(t *testing.T, e *engine.Engine, call *engine.Call, want bool) *engine.Response {
	t.Helper()
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	require.Equal(t, want, !reflect.DeepEqual(call.Resources, res.Resources))
	return res
}

// TestGatewayClassOfAllKinds: every kind of policy may target a GatewayClass, but only with a
// grant.
func TestGatewayClassOfAllKinds(t *testing.T) {
	class := attachment{namespace: "shop", year: 2020, refs: []string{`{"group":"gateway.networking.k8s.io","kind":"GatewayClass","name":"eg"}`}}
	for _, kind := range policyKinds(t) {
		t.Run(kind, func(t *testing.T) {
			class := class
			if kind != "FrontendMTLSPolicy" && kind != "BackendMTLSPolicy" { // these always have Deny
				class.more = `,"failurePolicy":"Deny"`
			}
			for rules, granted := range map[string]bool{"namespaces=*": false, "namespaces=shop;gatewayClasses=eg;patches=*;filters=* namespaces=*": true} {
				e := restricted(t, rules)
				call := theFleet(t, func(_ place, route []byte) []byte { return route })
				call.Objects = [][]byte{class.object(kind, 1)}
				res := changes(t, e, call, granted)
				require.Len(t, res.Policies, 1)
				require.Equal(t, granted, res.Policies[0].Reason == "Programmed", res.Policies[0].Message)
				if !granted { // without routes, a policy with Deny denies everything
					call.Resources = slices.DeleteFunc(call.Resources, func(l engine.Resources) bool { return l.Kind == mutator.KindRouteConfiguration })
					changes(t, e, call, false)
				}
			}
		})
	}
}
