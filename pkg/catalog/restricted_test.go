package catalog_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// restricted returns an engine with all features and the rules.
func restricted(t *testing.T, text string) *engine.Engine {
	t.Helper()
	rules, err := tenancy.ParseRules(text)
	require.NoError(t, err)
	require.Empty(t, rules.Validate(field.NewPath("rules")))
	features := catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second})
	e, err := engine.New(catalog.Restrict(features, tenancy.Restrictions{Rules: rules, Limits: tenancy.DefaultLimits()}), engine.WithCache(1<<20))
	require.NoError(t, err)
	return e
}

// translateFleet runs both hooks on the fleet with policies.
func translateFleet(t *testing.T, e *engine.Engine, kind string, policies ...attachment) (res *engine.Response, outcomes []mutator.PolicyOutcome) {
	t.Helper()
	call := theFleet(t, func(p place, route []byte) []byte {
		var own [][]byte
		for i, a := range policies {
			if a.targetsRoute(p) {
				own = append(own, a.object(kind, i+1))
			}
		}
		if len(own) == 0 {
			return route
		}
		res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: own, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{route}}}})
		require.NoError(t, err)
		outcomes = append(outcomes, res.Policies...)
		return res.Resources[0].Encoded[0]
	})
	for i, a := range policies {
		if a.targetsGateway() {
			call.Objects = append(call.Objects, a.object(kind, i+1))
		}
	}
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	return res, append(outcomes, res.Policies...)
}

// TestRestrictedPolicies: a policy that a rule forbids affects its target like an invalid policy,
// and nothing else; its outcome contains the reason.
func TestRestrictedPolicies(t *testing.T) {
	shop := attachment{namespace: "shop", year: 2020, refs: []string{gatewayRef("eg", "")}}
	others := places()[2]
	for _, kind := range policyKinds(t) {
		// Policy 1 belongs to namespace shop, and policy 2 to namespace other.
		rules, why := "namespaces=shop namespaces=*;workloadIdentifiers=/ns/{namespace}/*",
			"spec.workloadIdentifier: Forbidden: namespace other may not use /policy-2: --namespace-rules permits /ns/other/*"
		if !strings.Contains(specs[kind], "workloadIdentifier") {
			rules, why = "namespaces=shop namespaces=*;kinds=HedgeFilter", "kind: Forbidden: namespace other may not use "+kind+": --namespace-rules permits HedgeFilter"
		}
		for name, ref := range map[string]string{"Gateway": gatewayRef("eg", ""), "listener": gatewayRef("eg", "http"), "route": routeRef("route-http", "")} {
			if name == "route" && slices.Contains(gatewaysOnly, kind) {
				continue
			}
			t.Run(kind+"/"+name, func(t *testing.T) {
				past := attachment{namespace: "other", refs: []string{ref}}
				e := restricted(t, rules)
				alone, _ := translateFleet(t, e, kind, shop)
				res, outcomes := translateFleet(t, e, kind, shop, past)
				requireReason(t, outcomes, why)
				for _, p := range places() {
					if p.namespace == "shop" {
						require.Equal(t, textOf(t, alone, p), textOf(t, res, p), "others have what they had")
						require.Contains(t, textOf(t, res, p), fmt.Sprintf(marksOf[kind], 1))
					}
				}
				require.NotContains(t, textOf(t, res, others), fmt.Sprintf(marksOf[kind], 2))
				wrong := past
				wrong.refs = []string{strings.Replace(ref, "}", `},{"group":"x","kind":"Gateway","name":"eg"}`, 1)}
				invalid, _ := translateFleet(t, builtin(t), kind, shop, wrong)
				require.Equal(t, textOf(t, invalid, others), textOf(t, res, others), "what one has that is not valid")
			})
		}
	}
}

// requireReason checks the outcome of policy 2.
func requireReason(t *testing.T, outcomes []mutator.PolicyOutcome, why string) {
	t.Helper()
	found := false
	for _, o := range outcomes {
		if o.Policy.Name == "policy-2" {
			found = true
			require.Equal(t, mutator.Invalid, o.Reason)
			require.Contains(t, o.Message, why)
		} else {
			require.Equal(t, mutator.Programmed, o.Reason)
		}
	}
	require.True(t, found, "it is said")
}

// TestPermittedPolicies: policies that the rules permit have the same result as without rules,
// including the entry of a route.
func TestPermittedPolicies(t *testing.T) {
	for _, kind := range policyKinds(t) {
		policies := []attachment{{refs: []string{gatewayRef("eg", "")}}, {namespace: "other", refs: []string{gatewayRef("eg", "http")}}}
		if !slices.Contains(gatewaysOnly, kind) {
			policies = append(policies, attachment{refs: []string{routeRef("route-http", "")}})
		}
		e := restricted(t, "namespaces=*;workloadIdentifiers=/policy-1,/policy-2,/policy-3;trustDomains=example.org;kinds="+kind)
		want, wantOutcomes := translateFleet(t, builtin(t), kind, policies...)
		got, outcomes := translateFleet(t, e, kind, policies...)
		requireSame(t, want.Resources, got.Resources)
		require.Len(t, outcomes, len(wantOutcomes))
		for i := range outcomes {
			require.Equal(t, wantOutcomes[i].Message, outcomes[i].Message)
			require.Equal(t, mutator.Programmed, outcomes[i].Reason)
		}
	}
}

// TestEveryIdentityIsJudged fails for a kind with identity fields that package tenancy does not
// know: rules would not apply to it.
func TestEveryIdentityIsJudged(t *testing.T) {
	files, err := filepath.Glob("../../crds/egraft.io_*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var withIdentity []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for kind := range specs {
			if strings.Contains(string(text), "\n    kind: "+kind+"\n") && strings.Contains(string(text), "socketPath:") {
				withIdentity = append(withIdentity, kind)
			}
		}
		if strings.Contains(string(text), "socketPath:") || strings.Contains(string(text), "workloadIdentifier:") {
			require.NotEmpty(t, withIdentity, "%s: a kind that is not in this test", file)
		}
	}
	require.ElementsMatch(t, []string{"BackendMTLSPolicy", "FrontendMTLSPolicy"}, withIdentity)
	for _, kind := range withIdentity {
		for _, rule := range []string{"trustDomains=b.org", "workloadIdentifiers=/x", "agentSockets=/x"} {
			o := readRestricted(t, "namespaces=*;"+rule, attachment{refs: []string{gatewayRef("eg", "")}}.object(kind, 1))
			require.ErrorContains(t, o.Err, "--namespace-rules permits", "%s, %s", kind, rule)
		}
	}
}

func readRestricted(t *testing.T, rules string, raw []byte) *policy.Object {
	t.Helper()
	parsed, err := tenancy.ParseRules(rules)
	require.NoError(t, err)
	for _, f := range catalog.Restrict(catalog.Builtin(catalog.Options{}), tenancy.Restrictions{Rules: parsed}) {
		set, err := policy.NewSet(f.Policies, [][]byte{raw})
		require.NoError(t, err)
		for _, k := range f.Policies {
			if found := set.Of(k.GroupVersionKind); len(found) > 0 {
				return found[0]
			}
		}
	}
	require.Fail(t, "no such kind")
	return nil
}

// TestRestrictedFiltersAndBackends: rules also apply by namespace to kinds that are not policies,
// for all features that read them.
func TestRestrictedFiltersAndBackends(t *testing.T) {
	rules, err := tenancy.ParseRules("namespaces=*;kinds=None")
	require.NoError(t, err)
	features := catalog.Builtin(catalog.Everything())
	judged := catalog.Restrict(features, tenancy.Restrictions{Rules: rules})
	count := 0
	for i, f := range judged {
		require.Equal(t, features[i].Name, f.Name)
		for _, k := range slices.Concat(f.Policies, f.Filters, f.Backends) {
			count++
			raw := fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":%q,"metadata":{"namespace":"shop","name":"a"},"spec":%s}`, k.Kind, validSpecs[k.Kind])
			set, err := policy.NewSet([]policy.Kind{k}, [][]byte{raw})
			require.NoError(t, err)
			require.EqualError(t, set.Of(k.GroupVersionKind)[0].Err, "kind: Forbidden: namespace shop may not use "+k.Kind+": --namespace-rules permits none")
			require.Equal(t, k.HasConditions(), set.Of(k.GroupVersionKind)[0].ConditionsOf != "")
		}
	}
	require.Equal(t, len(validSpecs), count)
}

// validSpecs has valid specs of every kind.
var validSpecs = map[string]string{
	"BackendMTLSPolicy":          `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"trustDomain":"example.org","workloadIdentifier":"/envoy","allowAnyInTrustDomain":true}`,
	"FrontendMTLSPolicy":         `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"trustDomain":"example.org","workloadIdentifier":"/envoy","allowAnyInTrustDomain":true}`,
	"BufferPolicy":               `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"maxRequestBytes":1}`,
	"FilterPolicy":               `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"filter":{"name":"a","typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"}}}`,
	"HTTPFilter":                 `{"typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"}}`,
	"HedgeFilter":                `{"perTryTimeout":"1s"}`,
	"OriginalDestinationBackend": `{"allowedCIDRs":["10.0.0.0/8"]}`,
	"XDSPatchPolicy":             `{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"patches":[{"select":{"kind":"Cluster"},"merge":{"connectTimeout":"1s"}}]}`,
}
