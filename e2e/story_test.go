//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestSVIDs is the main job and what can happen to SVIDs, with both issuers.
func TestSVIDs(t *testing.T) {
	for _, mode := range []standalone.SPIFFEMode{standalone.Dev, standalone.SPIRE} {
		t.Run(string(mode), func(t *testing.T) {
			f := start(t, standalone.Options{SPIFFE: mode, Backends: backendsForAll()})
			f.run("story", (*fixture).story)
			f.run("time to effect", (*fixture).timeToEffect)
			f.run("not entitled", (*fixture).notEntitled)
			f.run("rotation under traffic", (*fixture).rotationUnderTraffic)
			f.run("agent restarted", (*fixture).agentRestarted)
			f.run("metrics", (*fixture).metrics)
		})
	}
}

// backendsForAll are the default ones, which take every client of the trust
// domain.
func backendsForAll() []standalone.Backend {
	out := standalone.DefaultBackends()
	for i := range out {
		out[i].Clients = []string{"spiffe://" + manifest.TrustDomain}
	}
	return out
}

// story is the story that the demo tells.
func (f *fixture) story() {
	tls := f.tlsRoute()
	f.routes(echoRoute, tls)
	f.refusedWithoutCertificate(tls)
	from := standalone.LogEnd(f.Egraft)
	f.policies(f.Policy())
	for _, r := range []manifest.Route{echoRoute, tls} {
		response := f.until(r.Host(), "the SVID", seesEnvoy)
		require.Equal(f.t, "1.3", response.Echo.TLS)
		require.Equal(f.t, r.Hostname, response.Echo.SNI)
	}
	f.changeIsLogged(from)
	f.agentClusterIsThere()
	f.tlsContextIsSecure(echoRoute.Name, "")
	f.tlsContextIsSecure(tls.Name, tls.Hostname)
	f.rotationShows()
	f.wrongPeerIsRefused(echoRoute, tls)
}

// refusedWithoutCertificate waits until the backend refuses Envoy, which comes
// in cleartext to the one and by TLS without a certificate to the other.
func (f *fixture) refusedWithoutCertificate(tls manifest.Route) {
	f.t.Helper()
	f.until(echoRoute.Host(), "the backend to refuse cleartext", envoy.Status(400))
	f.until(tls.Host(), "the backend to refuse Envoy", refused(503, "reset"))
	_, err := f.WaitText(f.soon(), f.Environment.Backends["echo"], "client didn't provide a certificate")
	f.must(err)
}

func (f *fixture) changeIsLogged(from int64) {
	f.t.Helper()
	line, err := standalone.WaitLog(f.soon(), f.Egraft, from, "the change", func(l standalone.Line) bool {
		return l.Message() == "configuration changed" && l["policies"] != nil
	})
	f.must(err)
	require.Equal(f.t, "INFO", line["level"])
	require.Equal(f.t, "default/eg", line["gateway"])
	require.Contains(f.t, fmt.Sprint(line["added"]), f.SPIFFE.Socket())
	for _, part := range []string{"BackendMTLSPolicy default/mtls", manifest.ID(manifest.EnvoyIdentity), manifest.ID("/echo")} {
		require.Contains(f.t, fmt.Sprint(line["policies"]), part)
	}
}

func (f *fixture) agentClusterIsThere() {
	f.t.Helper()
	clusters, err := f.Clusters(f.soon())
	f.must(err)
	found := 0
	for name, cluster := range clusters {
		if strings.HasPrefix(name, "egraft/agent") {
			found++
			require.Equal(f.t, "STATIC", cluster["type"])
			require.Contains(f.t, fmt.Sprint(cluster["load_assignment"]), f.SPIFFE.Socket())
			require.Contains(f.t, fmt.Sprint(cluster["typed_extension_protocol_options"]), "http2_protocol_options")
		}
	}
	require.Equal(f.t, 1, found, "one cluster for the one agent")
}

// tlsContextIsSecure looks at a route's cluster: the SVID and the bundle come
// from the agent, and URI matchers are the only ones.
func (f *fixture) tlsContextIsSecure(route, sni string) {
	f.t.Helper()
	cluster, err := f.RouteCluster(f.soon(), route)
	f.must(err)
	contexts, err := cluster.TLS()
	f.must(err)
	require.NotEmpty(f.t, contexts)
	var names []string
	for _, c := range contexts {
		names = append(names, c.GetSni())
		common := c.GetCommonTlsContext()
		require.Len(f.t, common.GetTlsCertificateSdsSecretConfigs(), 1)
		require.Equal(f.t, manifest.ID(manifest.EnvoyIdentity), common.GetTlsCertificateSdsSecretConfigs()[0].GetName())
		combined := common.GetCombinedValidationContext()
		require.Equal(f.t, "spiffe://"+manifest.TrustDomain, combined.GetValidationContextSdsSecretConfig().GetName())
		matchers := combined.GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
		require.Len(f.t, matchers, 1)
		require.Equal(f.t, tlsv3.SubjectAltNameMatcher_URI, matchers[0].GetSanType())
		require.Equal(f.t, manifest.ID("/echo"), matchers[0].GetMatcher().GetExact())
	}
	require.Contains(f.t, names, sni)
}

func (f *fixture) rotationShows() {
	f.t.Helper()
	before := f.get(echoRoute.Host(), "/").Echo
	require.NotNil(f.t, before)
	f.must(f.SPIFFE.Rotate(f.soon()))
	f.until(echoRoute.Host(), "the new SVID", func(r *envoy.Response) bool {
		return seesEnvoy(r) && r.Echo.Serial != before.Serial
	})
}

func (f *fixture) wrongPeerIsRefused(routes ...manifest.Route) {
	f.t.Helper()
	f.must(f.ApplyPolicy(f.wrongPeer()))
	for _, r := range routes {
		f.until(r.Host(), "a refusal", envoy.Status(503))
		line, err := f.WaitAccessLog(f.soon(), r.Host(), "CERTIFICATE_VERIFY_FAILED")
		f.must(err)
		require.Contains(f.t, line, " 503 UF ")
	}
}

// timeToEffect measures how long a change of a policy takes to reach traffic.
func (f *fixture) timeToEffect() {
	f.routes(echoRoute)
	f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
	var times []time.Duration
	for range 5 {
		f.effect(f.wrongPeer(), echoRoute.Host(), envoy.Status(503))
		times = append(times, f.effect(f.Policy(), echoRoute.Host(), seesEnvoy).Round(time.Millisecond))
	}
	slices.Sort(times)
	f.t.Logf("from the change of the policy's file to the first request with the SVID: median %s of %s", times[2], times)
	require.Less(f.t, times[2], 3*time.Second)
}
