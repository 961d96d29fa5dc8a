package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// specs are the fields of every kind of policy besides its targets. The value of %[1]d appears in
// the configuration and shows which policy is in effect.
var specs = map[string]string{
	"BackendMTLSPolicy":  `"trustDomain":"example.org","workloadIdentifier":"/policy-%[1]d","allowAnyInTrustDomain":true`,
	"BufferPolicy":       `"mode":"LimitOnly","maxRequestBytes":%[1]d`,
	"FilterPolicy":       `"filter":{"name":"headers","typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.header_mutation.v3.HeaderMutation","mutations":{"requestMutations":[{"append":{"header":{"key":"x-policy","value":"%[1]d"}}}]}}}`,
	"FrontendMTLSPolicy": `"trustDomain":"example.org","workloadIdentifier":"/policy-%[1]d","allowAnyInTrustDomain":true`,
	"XDSPatchPolicy":     `"patches":[{"select":{"kind":"Route"},"merge":{"route":{"maxStreamDuration":{"maxStreamDuration":"%[1]ds"}}}}]`,
}

// marksOf are the patterns that show in the configuration where a policy is in effect.
var marksOf = map[string]string{
	"BackendMTLSPolicy":  `spiffe://example.org/policy-%d"`,
	"BufferPolicy":       `"requestBodyBufferLimit":"%d"`,
	"FilterPolicy":       `enabled:policy-%d.`, // from enabledIn
	"FrontendMTLSPolicy": `spiffe://example.org/policy-%d"`,
	"XDSPatchPolicy":     `"maxStreamDuration":"%ds"`,
}

// gatewaysOnly are kinds that cannot be attached to routes.
var gatewaysOnly = []string{"FrontendMTLSPolicy"}

// attachment is a policy of a case: its targets, namespace and year of creation.
type attachment struct {
	namespace string // shop if it is empty
	year      int    // 2026 if it is 0
	refs      []string
	selectors []string
	ancestors []string // in the status, as Envoy Gateway sends it
	more      string   // in the spec
}

// effect is the number of the policy in effect at each place of [theFleet], from 1, or 0 for none.
type effect struct{ http, https, other int }

func gatewayRef(name, section string) string {
	if section != "" {
		section = fmt.Sprintf(`,"sectionName":%q`, section)
	}
	return fmt.Sprintf(`{"group":"gateway.networking.k8s.io","kind":"Gateway","name":%q%s}`, name, section)
}

func routeRef(name, rule string) string {
	return strings.Replace(gatewayRef(name, rule), "Gateway", "HTTPRoute", 1)
}

func ancestor(namespace, name, section string) string {
	return fmt.Sprintf(`{"ancestorRef":{"group":"gateway.networking.k8s.io","kind":"Gateway","namespace":%q,"name":%q,"sectionName":%q}}`, namespace, name, section)
}

// TestTargeting is one table for all kinds of policies, on two Gateways that are merged into one
// translation: shop/eg with the listeners http and https, and other/eg with http. Each listener has
// its own route.
func TestTargeting(t *testing.T) {
	const programmed, conflicted, overridden, notFound = mutator.Programmed, mutator.Conflicted, mutator.Overridden, mutator.TargetNotFound
	for _, c := range []struct {
		name     string
		policies []attachment
		routes   bool // not for kinds that only target Gateways
		want     effect
		reasons  []mutator.Reason
	}{
		{"Gateway", []attachment{{refs: []string{gatewayRef("eg", "")}}}, false, effect{1, 1, 0}, []mutator.Reason{programmed}},
		{"listener", []attachment{{refs: []string{gatewayRef("eg", "https")}}}, false, effect{0, 1, 0}, []mutator.Reason{programmed}},
		{"two listeners", []attachment{{refs: []string{gatewayRef("eg", "http"), gatewayRef("eg", "https")}}}, false, effect{1, 1, 0}, []mutator.Reason{programmed}},
		{"no such listener", []attachment{{refs: []string{gatewayRef("eg", "nowhere")}}}, false, effect{}, []mutator.Reason{notFound}},
		{"no such Gateway", []attachment{{refs: []string{gatewayRef("nowhere", "")}}}, false, effect{}, []mutator.Reason{notFound}},
		{"merged Gateway of another namespace", []attachment{{namespace: "other", refs: []string{gatewayRef("eg", "")}}}, false, effect{0, 0, 1}, []mutator.Reason{programmed}},
		{"namespace without a Gateway", []attachment{{namespace: "third", refs: []string{gatewayRef("eg", "")}}}, false, effect{}, []mutator.Reason{notFound}},
		{"a policy for each Gateway", []attachment{{refs: []string{gatewayRef("eg", "")}}, {namespace: "other", refs: []string{gatewayRef("eg", "")}}}, false, effect{1, 1, 2}, []mutator.Reason{programmed, programmed}},
		{"listener beats Gateway", []attachment{{refs: []string{gatewayRef("eg", "")}}, {refs: []string{gatewayRef("eg", "https")}}}, false, effect{1, 2, 0}, []mutator.Reason{programmed, programmed}},
		{"listener beats an older Gateway", []attachment{{year: 2020, refs: []string{gatewayRef("eg", "")}}, {refs: []string{gatewayRef("eg", "https"), gatewayRef("eg", "http")}}}, false, effect{2, 2, 0}, []mutator.Reason{overridden, programmed}},
		{"older beats newer", []attachment{{refs: []string{gatewayRef("eg", "")}}, {year: 2025, refs: []string{gatewayRef("eg", "")}}}, false, effect{2, 2, 0}, []mutator.Reason{conflicted, programmed}},
		{"first name beats second", []attachment{{refs: []string{gatewayRef("eg", "")}}, {refs: []string{gatewayRef("eg", "")}}}, false, effect{1, 1, 0}, []mutator.Reason{programmed, conflicted}},
		{"selected Gateway", []attachment{{selectors: []string{`{"kind":"Gateway"}`}, ancestors: []string{ancestor("shop", "eg", "")}}}, false, effect{1, 1, 0}, []mutator.Reason{programmed}},
		{"selected Gateway of another namespace", []attachment{{
			selectors: []string{`{"kind":"Gateway","namespaces":{"from":"All"}}`}, ancestors: []string{ancestor("other", "eg", "")},
		}}, false, effect{0, 0, 1}, []mutator.Reason{programmed}},
		{"selected Gateway and the listener of another", []attachment{{
			refs: []string{gatewayRef("eg", "https")}, selectors: []string{`{"kind":"Gateway","namespaces":{"from":"All"}}`},
			ancestors: []string{ancestor("shop", "eg", "https"), ancestor("other", "eg", "")},
		}}, false, effect{0, 1, 1}, []mutator.Reason{programmed}},
		{"nothing is selected", []attachment{{selectors: []string{`{"kind":"Gateway","matchLabels":{"a":"b"}}`}}}, false, effect{}, []mutator.Reason{notFound}},
		{"a listener by name beats a selected Gateway", []attachment{
			{year: 2020, selectors: []string{`{"kind":"Gateway"}`}, ancestors: []string{ancestor("shop", "eg", "")}}, {refs: []string{gatewayRef("eg", "http")}},
		}, false, effect{2, 1, 0}, []mutator.Reason{programmed, programmed}},
		{"route", []attachment{{refs: []string{routeRef("route-http", "")}}}, true, effect{1, 0, 0}, []mutator.Reason{programmed}},
		{"route of another namespace", []attachment{{namespace: "other", refs: []string{routeRef("route-http", "")}}}, true, effect{0, 0, 1}, []mutator.Reason{programmed}},
		{"rule", []attachment{{refs: []string{routeRef("route-https", "rule")}}}, true, effect{0, 1, 0}, []mutator.Reason{programmed}},
		{"selected routes", []attachment{{selectors: []string{`{"kind":"HTTPRoute"}`}, ancestors: []string{ancestor("shop", "eg", "http")}}}, true, effect{1, 1, 0}, []mutator.Reason{programmed}},
		{"route beats listener beats Gateway", []attachment{
			{year: 2020, refs: []string{gatewayRef("eg", "")}}, {year: 2021, refs: []string{gatewayRef("eg", "https")}}, {refs: []string{routeRef("route-https", "")}},
		}, true, effect{1, 3, 0}, []mutator.Reason{programmed, overridden, programmed}},
		{"rule beats route", []attachment{{year: 2020, refs: []string{routeRef("route-http", "")}}, {refs: []string{routeRef("route-http", "rule")}}}, true, effect{2, 0, 0}, []mutator.Reason{overridden, programmed}},
	} {
		for _, kind := range policyKinds(t) {
			if c.routes && slices.Contains(gatewaysOnly, kind) {
				continue
			}
			t.Run(c.name+"/"+kind, func(t *testing.T) {
				got, reasons := attach(t, kind, c.policies)
				require.Equal(t, c.want, got)
				require.Equal(t, c.reasons, reasons)
			})
		}
	}
}

// policyKinds returns the catalog's kinds of policies. Each must have its fields in specs and
// marksOf.
func policyKinds(t *testing.T) (kinds []string) {
	t.Helper()
	for _, f := range catalog.Builtin(catalog.Options{}) {
		for _, k := range f.Policies {
			require.Contains(t, specs, k.Kind, "a policy that is not in this test")
			require.Contains(t, marksOf, k.Kind)
			kinds = append(kinds, k.Kind)
		}
	}
	return kinds
}

// attach runs the hooks on the fleet like Envoy Gateway, and returns where each policy is in
// effect, and its outcome.
func attach(t *testing.T, kind string, policies []attachment) (effect, []mutator.Reason) {
	t.Helper()
	e := builtin(t)
	objects := make([][]byte, len(policies))
	for i, p := range policies {
		objects[i] = p.object(kind, i+1)
	}
	call := theFleet(t, func(p place, route []byte) []byte {
		var own [][]byte
		for i, a := range policies {
			if a.targetsRoute(p) {
				own = append(own, objects[i])
			}
		}
		if len(own) == 0 {
			return route // Envoy Gateway does not call the hook for it
		}
		res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: own, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{route}}}})
		require.NoError(t, err)
		return res.Resources[0].Encoded[0]
	})
	for i, a := range policies {
		if a.targetsGateway() {
			call.Objects = append(call.Objects, objects[i])
		}
	}
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	return effectIn(t, res, marksOf[kind], len(policies)), reasonsIn(t, res, kind, len(policies))
}

func reasonsIn(t *testing.T, res *engine.Response, kind string, policies int) []mutator.Reason {
	t.Helper()
	out := make([]mutator.Reason, policies)
	for _, p := range res.Policies {
		var n int
		_, err := fmt.Sscanf(p.Policy.Name, "policy-%d", &n)
		require.NoError(t, err)
		require.Equal(t, kind, p.Policy.GroupVersionKind.Kind)
		require.Empty(t, out[n-1], "said once")
		out[n-1] = p.Reason
	}
	return out
}

func (a attachment) object(kind string, n int) []byte {
	targets := ""
	if a.refs != nil {
		targets += fmt.Sprintf(`"targetRefs":[%s],`, strings.Join(a.refs, ","))
	}
	if a.selectors != nil {
		targets += fmt.Sprintf(`"targetSelectors":[%s],`, strings.Join(a.selectors, ","))
	}
	year := a.year
	if year == 0 {
		year = 2026
	}
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":%q,"metadata":{"namespace":%q,"name":"policy-%d","creationTimestamp":"%d-01-01T00:00:00Z"},`+
		`"spec":{%s%s},"status":{"ancestors":[%s]}}`, kind, a.in(), n, year, targets, fmt.Sprintf(specs[kind], n)+a.more, strings.Join(a.ancestors, ","))
}

func (a attachment) in() string {
	if a.namespace == "" {
		return "shop"
	}
	return a.namespace
}

func (a attachment) targetsGateway() bool {
	all := strings.Join(append(slices.Clone(a.refs), a.selectors...), "")
	return strings.Contains(all, `"kind":"Gateway"`)
}

// targetsRoute reports whether Envoy Gateway calls the Route hook with the policy.
func (a attachment) targetsRoute(p place) bool {
	if a.in() != p.namespace {
		return false
	}
	named := slices.ContainsFunc(a.refs, func(r string) bool { return strings.Contains(r, `"HTTPRoute","name":"`+p.route()+`"`) })
	return named || slices.ContainsFunc(a.selectors, func(s string) bool { return strings.Contains(s, "HTTPRoute") })
}
