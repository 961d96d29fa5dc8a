package tenancy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/policy"
)

// rules parses valid rules.
func rules(t *testing.T, text string) tenancy.Rules {
	t.Helper()
	if text == "" {
		return nil
	}
	r, err := tenancy.ParseRules(text)
	require.NoError(t, err)
	require.Empty(t, r.Validate(field.NewPath("rules")))
	return r
}

// read decodes custom resources as egraft does with restrictions, in the order of their names.
func read(t *testing.T, r tenancy.Restrictions, objects ...string) (out []*policy.Object) {
	t.Helper()
	var kinds []policy.Kind
	for _, f := range catalog.Restrict(catalog.Builtin(catalog.Options{}), r) {
		kinds = append(append(append(kinds, f.Policies...), f.Filters...), f.Backends...)
	}
	for _, o := range objects {
		set, err := policy.NewSet(kinds, [][]byte{[]byte(o)})
		require.NoError(t, err)
		require.Equal(t, 1, set.Len())
		for _, k := range kinds {
			out = append(out, set.Of(k.GroupVersionKind)...)
		}
	}
	return out
}

// mtls returns a policy with more fields than the required ones.
func mtls(kind, namespace, more string) string {
	target := `"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}]`
	defaults := `"allowAnyInTrustDomain":true`
	if strings.Contains(more, `"peers"`) || strings.Contains(more, `"clients"`) {
		defaults = `"allowAnyInTrustDomain":false`
	}
	for name, value := range map[string]string{"trustDomain": "example.org", "workloadIdentifier": "/ns/shop/sa/envoy"} {
		if !strings.Contains(more, `"`+name+`"`) {
			defaults += fmt.Sprintf(`,%q:%q`, name, value)
		}
	}
	if kind == "BackendMTLSPolicy" {
		defaults += `,"allowAnyAuthority":true`
	}
	if more != "" {
		defaults += ","
	}
	return fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":%q,"metadata":{"namespace":%q,"name":"p"},"spec":{%s,%s%s}}`, kind, namespace, target, defaults, more)
}

const (
	own     = "namespaces=*;workloadIdentifiers=/ns/{namespace}/*"
	infra   = "namespaces=infra,team-* "
	domains = "namespaces=*;trustDomains=example.org,{namespace}.example.org"
	sockets = "namespaces=*;agentSockets=/run/spire/{namespace}/*,/run/spire/agent.sock"
)

func TestRules(t *testing.T) {
	for _, test := range []struct {
		name, rules, namespace, fields, want string
	}{
		{"no rules", "", "shop", `"workloadIdentifier":"/ns/pay/sa/envoy"`, ""},
		{"no rules, no namespace", "", "", "", ""},
		{"own identity", own, "shop", "", ""},
		{"another's identity", own, "pay", "", "spec.workloadIdentifier: Forbidden: namespace pay may not use /ns/shop/sa/envoy: --namespace-rules permits /ns/pay/*"},
		{"one whose name begins alike", own, "sho", "", "spec.workloadIdentifier: Forbidden: namespace sho may not use /ns/shop/sa/envoy: --namespace-rules permits /ns/sho/*"},
		{"a folder is not in itself", own, "shop", `"workloadIdentifier":"/ns/shop"`, "spec.workloadIdentifier: Forbidden: namespace shop may not use /ns/shop: --namespace-rules permits /ns/shop/*"},
		{"exact identity", "namespaces=*;workloadIdentifiers=/envoy,/ns/{namespace}/sa/envoy", "shop", "", ""},
		{"exact is no prefix", "namespaces=*;workloadIdentifiers=/ns/{namespace}/sa", "shop", "", "spec.workloadIdentifier: Forbidden: namespace shop may not use /ns/shop/sa/envoy: --namespace-rules permits /ns/shop/sa"},
		{"all identities", "namespaces=*;workloadIdentifiers=/*", "shop", "", ""},
		{"first rule decides: exception", infra + own, "infra", "", ""},
		{"first rule decides: exception by prefix", infra + own, "team-a", "", ""},
		{"first rule decides: not the exception", infra + own, "team", "", "spec.workloadIdentifier: Forbidden: namespace team may not use /ns/shop/sa/envoy: --namespace-rules permits /ns/team/*"},
		{"first rule decides, alone", "namespaces=shop;kinds=HedgeFilter namespaces=*", "shop", "", "kind: Forbidden: namespace shop may not use KIND: --namespace-rules permits HedgeFilter"},
		{"no kind", "namespaces=*;kinds=None", "shop", "", "kind: Forbidden: namespace shop may not use KIND: --namespace-rules permits none"},
		{"a kind of it", "namespaces=*;kinds=FrontendMTLSPolicy,BackendMTLSPolicy", "shop", "", ""},
		{"trust domain", domains, "shop", "", ""},
		{"trust domain of its own", domains, "shop", `"trustDomain":"shop.example.org"`, ""},
		{"trust domain of another", domains, "shop", `"trustDomain":"pay.example.org"`, "spec.trustDomain: Forbidden: namespace shop may not use pay.example.org: --namespace-rules permits example.org, shop.example.org"},
		{"trust bundles", domains, "shop", `"trustBundles":["example.org","b.org"]`, "spec.trustBundles[1]: Forbidden: namespace shop may not use b.org: --namespace-rules permits example.org, shop.example.org"},
		{"socket", sockets, "shop", `"agent":{"socketPath":"/run/spire/agent.sock"}`, ""},
		{"socket of its own", sockets, "shop", `"agent":{"socketPath":"/run/spire/shop/agent.sock"}`, ""},
		{"socket by default", sockets, "shop", "", "spec.agent.socketPath: Forbidden: namespace shop may not use /spiffe-workload-api/spire-agent.sock: --namespace-rules permits /run/spire/shop/*, /run/spire/agent.sock"},
		{"out of the folder", sockets, "shop", `"agent":{"socketPath":"/run/spire/shop/../pay/agent.sock"}`, "spec.agent.socketPath: Forbidden: /run/spire/shop/../pay/agent.sock must be written as /run/spire/pay/agent.sock: --namespace-rules compares paths literally"},
		{"everything at once", "namespaces=*;trustDomains=a.org;workloadIdentifiers=/a;agentSockets=/a", "shop", "", "[" +
			"spec.trustDomain: Forbidden: namespace shop may not use example.org: --namespace-rules permits a.org, " +
			"spec.workloadIdentifier: Forbidden: namespace shop may not use /ns/shop/sa/envoy: --namespace-rules permits /a, " +
			"spec.agent.socketPath: Forbidden: namespace shop may not use /spiffe-workload-api/spire-agent.sock: --namespace-rules permits /a]"},
		{"a namespace that is a path", own, "shop/sa", "", `metadata.namespace: Invalid value: "shop/sa": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'): required by --namespace-rules`},
		{"a namespace that is an asterisk", own, "*", "", `metadata.namespace: Invalid value: "*": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?'): required by --namespace-rules`},
	} {
		for _, kind := range []string{"BackendMTLSPolicy", "FrontendMTLSPolicy"} {
			t.Run(test.name+"/"+kind, func(t *testing.T) {
				o := read(t, tenancy.Restrictions{Rules: rules(t, test.rules)}, mtls(kind, test.namespace, test.fields))[0]
				requireJudged(t, o, strings.ReplaceAll(test.want, "KIND", kind))
			})
		}
	}
}

// requireJudged requires that an object is permitted, or that its content is unavailable, also to
// another hook.
func requireJudged(t *testing.T, o *policy.Object, want string) {
	t.Helper()
	if want == "" {
		require.NoError(t, o.Err)
		require.NotNil(t, o.Content())
		return
	}
	require.EqualError(t, o.Err, want)
	require.Nil(t, o.Content())
	require.Contains(t, o.Raw(), "egraft.io/rejected")
}

// TestNamesOfSecrets: Envoy requests the secrets by these names, whatever else the policy contains.
func TestNamesOfSecrets(t *testing.T) {
	const svid, bundle, all = `"svid":%q`, `"trustBundle":%q`, `"allTrustBundles":%q`
	unknown := func(name, value, what string) string {
		return fmt.Sprintf("spec.agent.sdsNames.%s: Forbidden: namespace shop may not use %s: it is not the SPIFFE ID of %s that --namespace-rules permits", name, value, what)
	}
	for _, test := range []struct{ name, rules, field, value, want string }{
		{"no rules", "", svid, "default", ""},
		{"rules for something else", sockets, svid, "default", ""},
		{"own SVID", own, svid, "spiffe://example.org/ns/shop/sa/other", ""},
		{"another's SVID", own, svid, "spiffe://example.org/ns/pay/sa/envoy", unknown("svid", "spiffe://example.org/ns/pay/sa/envoy", "an SVID")},
		{"any SVID", own, svid, "default", unknown("svid", "default", "an SVID")},
		{"of another trust domain", domains, svid, "spiffe://b.org/ns/shop/sa/envoy", unknown("svid", "spiffe://b.org/ns/shop/sa/envoy", "an SVID")},
		{"any of a trust domain", domains, svid, "default", unknown("svid", "default", "an SVID")},
		{"of a permitted one", domains, svid, "spiffe://shop.example.org/x", ""},
		{"bundles are everybody's", own, bundle, "anything", ""},
		{"bundle", domains, bundle, "spiffe://example.org", ""},
		{"bundle of another", domains, bundle, "spiffe://b.org", unknown("trustBundle", "spiffe://b.org", "a trust domain")},
		{"no bundle", domains, bundle, "spiffe://example.org/x", unknown("trustBundle", "spiffe://example.org/x", "a trust domain")},
		{"all bundles as one", domains, bundle, "ALL", unknown("trustBundle", "ALL", "a trust domain")},
		{"all bundles", domains, all, "everything", ""},
		{"another's as all", domains, all, "spiffe://b.org", unknown("allTrustBundles", "spiffe://b.org", "a trust domain")},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := tenancy.Restrictions{Rules: rules(t, strings.Replace(test.rules, "/run/spire/agent.sock", "/a", 1))}
			fields := fmt.Sprintf(`"agent":{"socketPath":"/a","sdsNames":{`+test.field+`}}`, test.value)
			requireJudged(t, read(t, r, mtls("BackendMTLSPolicy", "shop", fields))[0], test.want)
		})
	}
}

func TestLimitsOfAPolicy(t *testing.T) {
	peers := func(name string, n int) string {
		return fmt.Sprintf(`%q:[%s]`, name, strings.TrimSuffix(strings.Repeat(`{"prefix":"spiffe://example.org/"},`, n), ","))
	}
	for _, test := range []struct {
		name   string
		limits tenancy.Limits
		kind   string
		fields string
		want   string
	}{
		{"none", tenancy.Limits{}, "BackendMTLSPolicy", `"initialFetchTimeout":"60s"`, ""},
		{"default", tenancy.DefaultLimits(), "BackendMTLSPolicy", "", ""},
		{"as long as may be", tenancy.DefaultLimits(), "FrontendMTLSPolicy", `"initialFetchTimeout":"10s"`, ""},
		{"too long", tenancy.DefaultLimits(), "FrontendMTLSPolicy", `"initialFetchTimeout":"10s1ms"`, "spec.initialFetchTimeout: Forbidden: 10s1ms is more than the 10s of --max-initial-fetch-timeout"},
		{"as many as may be", tenancy.Limits{Peers: 2}, "BackendMTLSPolicy", peers("peers", 2), ""},
		{"too many peers", tenancy.Limits{Peers: 2}, "BackendMTLSPolicy", peers("peers", 3), "spec.peers: Forbidden: 3 are more than the 2 of --max-peers"},
		{"too many clients", tenancy.Limits{Peers: 2}, "FrontendMTLSPolicy", peers("clients", 3), "spec.clients: Forbidden: 3 are more than the 2 of --max-peers"},
		{"both", tenancy.Limits{Peers: 1, InitialFetchTimeout: time.Second}, "BackendMTLSPolicy", peers("peers", 2), "[" +
			"spec.initialFetchTimeout: Forbidden: 2s is more than the 1s of --max-initial-fetch-timeout, spec.peers: Forbidden: 2 are more than the 1 of --max-peers]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			requireJudged(t, read(t, tenancy.Restrictions{Limits: test.limits}, mtls(test.kind, "shop", test.fields))[0], test.want)
		})
	}
}

// TestKindsOfOtherGroups: a rule for a kind of egraft does not cover a kind of the same name in
// another group. Rules name that kind with its group.
func TestKindsOfOtherGroups(t *testing.T) {
	for kinds, want := range map[string][2]string{
		"BackendMTLSPolicy":             {"", "may not use BackendMTLSPolicy.example.com: "},
		"BackendMTLSPolicy.example.com": {"may not use BackendMTLSPolicy: ", ""},
	} {
		r := tenancy.Restrictions{Rules: rules(t, "namespaces=*;kinds="+kinds)}
		for i, group := range []string{"egraft.io", "example.com"} {
			o := &policy.Object{Namespace: "shop", Name: "p", GroupVersionKind: schema.GroupVersionKind{Group: group, Version: "v1alpha1", Kind: "BackendMTLSPolicy"}}
			err := r.Permit(o, nil)
			if want[i] == "" {
				require.NoError(t, err)
				continue
			}
			require.ErrorContains(t, err, want[i])
		}
	}
}
