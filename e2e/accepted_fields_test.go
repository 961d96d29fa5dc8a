//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// acceptedField is a field of a kind whose value reaches Envoy's configuration.
type acceptedField struct {
	kind, path string
	// base is the spec around it, as JSON, with %s for the agent's socket.
	base string
	values
	// least is the minimum number of accepted values: a generator that makes none proves nothing.
	least int
}

func (f acceptedField) String() string { return f.kind + "." + f.path }

const (
	agentAt      = `"agent":{"socketPath":%q}`
	spiffeBase   = `{"trustDomain":"example.org","workloadIdentifier":"/envoy",` + agentAt
	anyPeer      = spiffeBase + `,"allowAnyInTrustDomain":true}`
	backendBase  = spiffeBase + `,"peers":[{"exact":"spiffe://example.org/backend"}]}`
	frontendBase = spiffeBase + `,"clients":[{"exact":"spiffe://example.org/backend"}]}`
	odBase       = `{"allowedCIDRs":["10.0.0.0/8"]}`
	odHeader     = `{"allowedCIDRs":["10.0.0.0/8"],"source":{"header":{"name":"x-gateway-destination-endpoint","filter":"envoy.filters.http.lua"}}}`
	odMetadata   = `{"allowedCIDRs":["10.0.0.0/8"],"source":{"metadata":{"namespace":"example.org","key":"destination"}}}`
	odTLS        = `{"allowedCIDRs":["10.0.0.0/8"],"tls":{"hostname":"a.example.org"}}`
	hedgeBase    = `{"perTryTimeout":"100ms"}`
)

// acceptedFields returns all fields.
func acceptedFields(t *testing.T) []acceptedField {
	t.Helper()
	out := append(spiffeFields("BackendMTLSPolicy", "peers", backendBase), spiffeFields("FrontendMTLSPolicy", "clients", frontendBase)...)
	domains, names := texts("example.org", "a", "xn--a.example_1"), texts("workload", "spiffe://example.org/other")
	anyAuthority := `{"allowAnyAuthority":true,` + anyPeer[1:]
	several := func(base string) string {
		return strings.Replace(base[:len(base)-1], `"agent":{`, `"agent":{"sdsNames":{},`, 1) + `,"trustBundles":["example.org","b.org"]}`
	}
	out = append(out,
		acceptedField{"BackendMTLSPolicy", "trustBundles", anyAuthority, asList(domains, 16), 20},
		acceptedField{"FrontendMTLSPolicy", "trustBundles", anyPeer, asList(domains, 16), 20},
		acceptedField{"BackendMTLSPolicy", "agent.sdsNames.allTrustBundles", several(anyAuthority), names.after("bundles/"), 30},
		acceptedField{"FrontendMTLSPolicy", "agent.sdsNames.allTrustBundles", several(anyPeer), names.after("bundles/"), 30},
		acceptedField{"BackendMTLSPolicy", "plaintextBackends", backendBase, oneOf("Upgrade", "Leave", "Deny", "", "upgrade", "Upgrade\x00", nil), 3},
		acceptedField{"FrontendMTLSPolicy", "plaintextListeners", frontendBase, oneOf("Deny", "Leave", "", "deny", nil), 2},
		acceptedField{"FrontendMTLSPolicy", "xForwardedClientCert.mode", frontendBase, oneOf("Sanitize", "ForwardOnly", "AppendForward", "SanitizeSet", "AlwaysForwardOnly", "", "sanitize", nil), 5},
		acceptedField{"FrontendMTLSPolicy", "xForwardedClientCert", frontendBase, forwarded(), 10},
		acceptedField{"FrontendMTLSPolicy", "clientCertificates", `{"trustBundleFormat":"CertificateAuthorities",` + anyPeer[1:], oneOf("Required", "Optional", "Disabled", "", "optional", nil), 2},
		acceptedField{"BufferPolicy", "maxRequestBytes", `{"mode":"FullBuffer"}`, quantities(), 30},
		acceptedField{"BufferPolicy", "maxRequestBytes", `{"mode":"LimitOnly"}`, quantities(), 30},
		acceptedField{"HedgeFilter", "perTryTimeout", hedgeBase, durations(), 20},
		acceptedField{"HedgeFilter", "maxHedgedRequests", hedgeBase, integers(1, 10), 5},
		acceptedField{"HedgeFilter", "retryOn", hedgeBase, retries(), 20},
		acceptedField{"OriginalDestinationBackend", "source.metadata.namespace", odMetadata, texts("example.org", "envoy.filters.http.ext_proc", "a/b_c"), 30},
		acceptedField{"OriginalDestinationBackend", "source.metadata.key", odMetadata, texts("destination", "a.b/c_d"), 30},
		acceptedField{"OriginalDestinationBackend", "source.header.name", odHeader, texts("x-gateway-destination-endpoint", "x-ai-eg-original-dst"), 20},
		acceptedField{"OriginalDestinationBackend", "source.header.filter", odHeader, texts("envoy.filters.http.ext_proc", "envoy.filters.http.lua/x/y/0"), 30},
		acceptedField{"OriginalDestinationBackend", "allowedCIDRs", odBase, asList(networks(), 64), 20},
		acceptedField{"OriginalDestinationBackend", "allowedCIDRs.0", odBase, networks(), 30},
		acceptedField{"OriginalDestinationBackend", "port", odBase, integers(1, 65535), 20},
		acceptedField{"OriginalDestinationBackend", "tls.hostname", odTLS, texts("a.example.org", "xn--nxasmq6b.example", "1.2.3.4"), 30},
		acceptedField{"OriginalDestinationBackend", "tls.caBundle", odTLS, bundles(t), 20},
		acceptedField{"OriginalDestinationBackend", "connectTimeout", odBase, durations(), 20},
		acceptedField{"OriginalDestinationBackend", "cleanupInterval", odBase, durations(), 20},
	)
	for _, limit := range []string{"maxConnections", "maxPendingRequests", "maxParallelRequests"} {
		out = append(out, acceptedField{"OriginalDestinationBackend", "circuitBreakers." + limit, odBase, integers(1 << 31), 20})
	}
	return out
}

// spiffeFields returns the fields that both kinds have.
func spiffeFields(kind, peers, base string) []acceptedField {
	ids := texts("spiffe://example.org/backend", "spiffe://example.org/ns/shop/sa/cart")
	match := func(how string, v values) values {
		out := values{random: func(r *rand.Rand) any { return []any{map[string]any{how: v.any(r)}} }}
		for _, k := range v.known {
			out.known = append(out.known, []any{map[string]any{how: k}})
		}
		return out
	}
	all := values{random: func(r *rand.Rand) any {
		var list []any
		for range 1 + r.IntN(1<<r.IntN(7)) {
			how := []string{"exact", "prefix", "regex"}[r.IntN(3)]
			list = append(list, map[string]any{how: map[string]any{"exact": ids.known[r.IntN(2)], "prefix": "spiffe://example.org/" + word(r), "regex": regexPrefix + expression(r, 1, true)}[how]})
		}
		return list
	}}
	domains := texts("example.org", "a", "xn--a.example_1")
	withBundle := strings.Replace(anyPeer, `"agent":{`, `"agent":{"sdsNames":{},`, 1)
	names := texts("workload", "spiffe://example.org/other")
	return []acceptedField{
		{kind, "trustDomain", anyPeer, domains, 30},
		{kind, "workloadIdentifier", anyPeer, texts("/envoy", "/ns/a/sa/b"), 30},
		{kind, peers, base, match("exact", ids), 30},
		{kind, peers, base, match("prefix", texts("spiffe://example.org/", "spiffe://example.org/ns/shop")), 30},
		{kind, peers, base, match("regex", regexes()), 40},
		{kind, peers, base, all, 10},
		{kind, "trustBundles", anyPeer, asList(domains, 1), 20},
		{kind, "agent.socketPath", strings.Replace(base, `"allowAny`, `"initialFetchTimeout":"100ms","allowAny`, 1), texts("/run/agent.sock", "/spiffe-workload-api/spire-agent.sock"), 30},
		{kind, "agent.sdsNames.svid", withBundle, names, 30},
		{kind, "agent.sdsNames.trustBundle", withBundle, names.after("bundle/"), 30}, // an agent has one secret of a name,
		{kind, "initialFetchTimeout", base, durations(), 15},
	}
}

// forwarded returns combinations of a mode and details.
func forwarded() values {
	return values{random: func(r *rand.Rand) any {
		var details []any
		for range r.IntN(5) {
			details = append(details, []string{"Subject", "Cert", "Chain", "DNS", "URI", "uri"}[r.IntN(6)])
		}
		return map[string]any{"mode": []string{"AppendForward", "SanitizeSet", "Sanitize"}[r.IntN(3)], "certDetailsToAdd": details}
	}}
}

// retries returns lists of Envoy's retry conditions.
func retries() values {
	words := strings.Fields("5xx gateway-error reset reset-before-request connect-failure envoy-ratelimited retriable-4xx refused-stream retriable-status-codes retriable-headers http3-post-connect-failure cancelled deadline-exceeded internal resource-exhausted unavailable 4xx RESET reset,5xx")
	each := make([]any, len(words))
	for i, w := range words {
		each[i] = w
	}
	return asList(oneOf(each...), 17)
}

// object returns a resource of the field's kind with a value in the field.
func (f acceptedField) object(namespace, socket string, value any) ([]byte, error) {
	text := f.base
	if strings.Contains(text, "%q") {
		text = fmt.Sprintf(text, socket)
	}
	var spec any
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return nil, err
	}
	if f.path == "agent.socketPath" {
		spec.(map[string]any)["initialFetchTimeout"] = "100ms" // nothing will respond
	}
	spec = with(spec, strings.Split(f.path, "."), value)
	if target := targetOf(f.kind); target != "" {
		spec.(map[string]any)["targetRefs"] = []any{map[string]any{"group": "gateway.networking.k8s.io", "kind": target, "name": strings.ToLower(target)}}
	}
	return json.Marshal(map[string]any{
		"apiVersion": "egraft.io/v1alpha1", "kind": f.kind,
		"metadata": map[string]any{"namespace": namespace, "name": "x"}, "spec": spec,
	})
}

// targetOf returns the target of policies of a kind.
func targetOf(kind string) string {
	switch kind {
	case "FrontendMTLSPolicy":
		return "Gateway"
	case "BackendMTLSPolicy", "BufferPolicy":
		return "HTTPRoute"
	default:
		return ""
	}
}

// with sets a value in nested objects and lists.
func with(in any, path []string, value any) any {
	if len(path) == 0 {
		return value
	}
	if i, err := strconv.Atoi(path[0]); err == nil {
		list := in.([]any)
		list[i] = with(list[i], path[1:], value)
		return list
	}
	fields, _ := in.(map[string]any)
	if fields == nil {
		fields = map[string]any{}
	}
	fields[path[0]] = with(fields[path[0]], path[1:], value)
	return fields
}
