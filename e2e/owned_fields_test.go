//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// ownedPatch is a patch of a target, such as "kind: Gateway, name: eg".
type ownedPatch struct{ target, patch string }

const (
	securedRoute    = "kind: HTTPRoute, name: echo"
	securedListener = "kind: Gateway, name: eg, sectionName: https"
	poolRoute       = "kind: HTTPRoute, name: pool"
)

// ownedPatches patch what other policies set, and are rejected with every grant.
var ownedPatches = []ownedPatch{
	{securedRoute, "select: {kind: Cluster}, remove: transport_socket_matches"},
	{securedRoute, "select: {kind: Cluster}, list: {path: transport_socket_matches, replace: []}"},
	{securedRoute, "select: {kind: Cluster}, remove: transport_socket"},
	{securedRoute, "select: {kind: Cluster}, remove: metadata"},
	{securedRoute, "select: {kind: UpstreamTLS}, remove: common_tls_context"},
	{securedRoute, "select: {kind: UpstreamTLS}, merge: {sni: evil.example.org}"},
	{securedListener, "select: {kind: FilterChain}, remove: transport_socket"},
	{securedListener, "select: {kind: FilterChain}, remove: filters"},
	{securedListener, "select: {kind: DownstreamTLS}, set: {path: require_client_certificate, expression: 'false'}"},
	{securedListener, "select: {kind: DownstreamTLS}, remove: common_tls_context"},
	{securedListener, "select: {kind: HTTPConnectionManager}, merge: {forward_client_cert_details: ALWAYS_FORWARD_ONLY}"},
	{securedListener, "select: {kind: HTTPConnectionManager}, remove: http_filters"},
	{"kind: Gateway, name: eg", "select: {kind: Listener}, when: 'size(self.filter_chains) > 0', remove: filter_chains"},
	{"kind: Gateway, name: eg, sectionName: http", "select: {kind: HTTPConnectionManager}, list: {path: 'http_filters[name=egraft.destination.allow]', remove: true}"},
	{poolRoute, "select: {kind: Cluster}, merge: {type: STATIC}"},
	{poolRoute, "select: {kind: Cluster}, remove: original_dst_lb_config"},
	{poolRoute, `select: {kind: Cluster}, set: {path: "circuit_breakers.thresholds[priority=DEFAULT].max_retries", expression: "3"}`},
	{poolRoute, "select: {kind: Route}, remove: typed_per_filter_config"},
}

// freePatches patch other fields of the same messages. The values are the result in Envoy.
var freePatches = map[ownedPatch]string{
	{securedRoute, "select: {kind: Cluster}, merge: {connect_timeout: 3.25s}"}:                                                                        `"connect_timeout":"3.250s"`,
	{securedListener, "select: {kind: FilterChain}, when: 'has(self.transport_socket)', merge: {metadata: {filter_metadata: {free: {chain: mine}}}}"}: `"free":{"chain":"mine"}`,
	{securedListener, "select: {kind: HTTPConnectionManager}, merge: {server_name: free, max_request_headers_kb: 77}"}:                                `"max_request_headers_kb":77`,
	{poolRoute, `select: {kind: Cluster}, set: {path: "circuit_breakers.thresholds[priority=DEFAULT].max_requests", expression: "4321"}`}:             `"max_requests":4321`,
}

// TestOwnedFields: with all grants, a policy cannot weaken what a BackendMTLSPolicy, a
// FrontendMTLSPolicy and an OriginalDestinationBackend set: none of their fields change. Other
// fields of the same messages can be changed.
func TestOwnedFields(t *testing.T) {
	needs(t, here)
	f := &frontend{fixture: startFor(t, 8*time.Minute, standalone.Options{
		Listeners: tlsListeners, Egraft: []string{"--namespace-rules", everyPatch, "--fast-cluster-updates"},
	})}
	f.begin()
	f.apply("frontend-policy", f.documented(0))
	f.eventually("Envoy's SVID", f.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	policy := f.Policy()
	policy.Kind, policy.Target, policy.PlaintextBackends = "HTTPRoute", "echo", "Upgrade"
	f.routes(manifest.Route{Name: "echo", Port: 3443})
	f.effect(policy, "echo.example.com", envoy.Peer(manifest.ID("/envoy")))
	one, outside := f.recorder(), f.recorderAt("127.0.0.3:0")
	f.route("pool", poolHost, f.poolExample())
	f.untilAsked(poolHost, 200, "x-wanted", at("127.0.0.1", one))
	f.must(f.WaitSettled(f.soon()))
	before := f.plainConfiguration()

	from := standalone.LogEnd(f.Egraft)
	f.apply("owned", policiesOf("owned", ownedPatches...))
	for i, p := range ownedPatches {
		name := fmt.Sprint("XDSPatchPolicy default/owned-", i)
		line, err := standalone.WaitLog(f.soon(), f.Egraft, from, p.patch, func(l standalone.Line) bool {
			return l.Message() == "policy not programmed" && l["policy"] == name
		})
		f.must(err)
		require.Equal(t, "ApplyFailed", line["reason"], "%s: %s", p.patch, line["message"])
		require.Contains(t, line["message"], "cannot be patched, because", p.patch)
	}
	require.Equal(t, before, f.plainConfiguration())
	f.mustReject(f.nobody, noCertificate)
	f.until("echo.example.com", "the SVID", envoy.Peer(manifest.ID("/envoy")))
	status, _ := f.ask(poolHost, "x-wanted", at("127.0.0.3", outside))
	require.Equal(t, 403, status)

	for p, shows := range freePatches {
		f.apply("free", policiesOf("free", p))
		f.wait(p.patch, func(context.Context) error {
			for _, text := range f.plainConfiguration() {
				if strings.Contains(text, shows) {
					return nil
				}
			}
			return fmt.Errorf("no %s", shows)
		})
		f.must(f.Delete(f.ctx, "free"))
	}
}

func policiesOf(name string, patches ...ownedPatch) string {
	var out []string
	for i, p := range patches {
		out = append(out, fmt.Sprintf(`
apiVersion: egraft.io/v1alpha1
kind: XDSPatchPolicy
metadata: {name: %s-%d, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, %s}]
  patches: [{%s}]
`, name, i, p.target, p.patch))
	}
	return strings.Join(out, "---\n")
}
