//go:build e2e

package e2e

import (
	"context"
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

// TestSVIDs tests the steps of the demo and changes of SVIDs, with both issuers.
func TestSVIDs(t *testing.T) {
	needs(t, here)
	for _, mode := range []standalone.SPIFFEMode{standalone.Dev, standalone.SPIRE} {
		t.Run(string(mode), func(t *testing.T) {
			needsAuthority(t, mode)
			f := start(t, standalone.Options{SPIFFE: mode, Backends: backendsForAll()})
			f.run("story", (*fixture).story)
			f.run("time to effect", func(f *fixture) { f.notShort("it only measures"); f.timeToEffect() })
			f.run("not entitled", (*fixture).notEntitled)
			f.run("rotation under traffic", (*fixture).rotationUnderTraffic)
			f.run("agent restarted", (*fixture).agentRestarted)
			f.run("metrics", (*fixture).metrics)
			f.run("remembers", func(f *fixture) {
				if mode != standalone.SPIRE {
					f.notShort("runs with the real SPIRE")
				}
				f.remembers()
			})
		})
	}
}

// notShort skips a test with -short.
func (f *fixture) notShort(reason string) {
	f.t.Helper()
	if testing.Short() {
		f.t.Skip("with -short: " + reason)
	}
}

// backendsForAll returns the default backends, which accept every client of the trust domain.
func backendsForAll() []standalone.Backend {
	out := standalone.DefaultBackends()
	for i := range out {
		out[i].Clients = []string{"spiffe://" + manifest.TrustDomain}
	}
	return out
}

// story runs the steps that the demo shows.
func (s *scenario) story() {
	tls := s.tlsRoute()
	s.routes(echoRoute, tls)
	s.rejectedWithoutCertificate(tls)
	from := s.logEnd("egraft")
	s.policies(s.env.Policy())
	for _, r := range []manifest.Route{echoRoute, tls} {
		response := s.until(r.Host(), "the SVID", seesEnvoy)
		require.Equal(s.t, "1.3", response.Echo.TLS)
		require.Equal(s.t, r.Hostname, response.Echo.SNI)
	}
	s.changeIsLogged(from)
	s.agentIsNoCluster()
	s.tlsContextIsSecure(echoRoute.Name, "")
	s.tlsContextIsSecure(tls.Name, tls.Hostname)
	s.rotationShows()
	s.wrongPeerIsRejected(echoRoute, tls)
}

// rejectedWithoutCertificate waits until the backends reject Envoy, which uses cleartext for one and
// TLS without a certificate for the other.
func (s *scenario) rejectedWithoutCertificate(tls manifest.Route) {
	s.t.Helper()
	s.until(echoRoute.Host(), "the backend to reject cleartext", envoy.Status(400))
	s.wait("the backend to reject Envoy", func(ctx context.Context) error {
		response, err := s.env.Get(ctx, tls.Host(), "/")
		if err != nil || !rejected(503, "reset")(response) {
			return fmt.Errorf("got %v, %w", response, err)
		}
		log, err := s.env.Log(ctx, "backend-echo")
		if err == nil && !strings.Contains(string(log), "client didn't provide a certificate") {
			err = fmt.Errorf("%s, which is not in its log: %s", response, log)
		}
		return err
	})
}

func (s *scenario) changeIsLogged(from int) {
	s.t.Helper()
	line := s.loggedJSON("egraft", from, "the change", func(l standalone.Line) bool {
		return l.Message() == "configuration changed" && l["policies"] != nil
	})
	require.Equal(s.t, "INFO", line["level"])
	require.Equal(s.t, "default/eg", line["gateway"])
	for _, part := range []string{"BackendMTLSPolicy default/mtls", manifest.ID(manifest.EnvoyIdentity), manifest.ID("/echo")} {
		require.Contains(s.t, fmt.Sprint(line["policies"]), part)
	}
}

// agentIsNoCluster: every Lua script can call any of Envoy's clusters, and the agent gives private
// keys to its callers, so it must not be a cluster.
func (s *scenario) agentIsNoCluster() {
	s.t.Helper()
	clusters, err := s.env.Clusters(s.soon())
	s.must(err)
	for name, cluster := range clusters {
		require.NotContains(s.t, fmt.Sprint(cluster["load_assignment"]), s.env.AgentSocket(), name)
	}
}

// tlsContextIsSecure checks a route's cluster: the SVID and the bundle come from the agent, and all
// matchers are URI matchers.
func (s *scenario) tlsContextIsSecure(route, sni string) {
	s.t.Helper()
	cluster, err := s.env.RouteCluster(s.soon(), route)
	s.must(err)
	contexts, err := cluster.TLS()
	s.must(err)
	require.NotEmpty(s.t, contexts)
	var names []string
	for _, c := range contexts {
		names = append(names, c.GetSni())
		common := c.GetCommonTlsContext()
		require.Len(s.t, common.GetTlsCertificateSdsSecretConfigs(), 1)
		require.Equal(s.t, manifest.ID(manifest.EnvoyIdentity), common.GetTlsCertificateSdsSecretConfigs()[0].GetName())
		combined := common.GetCombinedValidationContext()
		require.Equal(s.t, "spiffe://"+manifest.TrustDomain, combined.GetValidationContextSdsSecretConfig().GetName())
		matchers := combined.GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
		require.Len(s.t, matchers, 1)
		require.Equal(s.t, tlsv3.SubjectAltNameMatcher_URI, matchers[0].GetSanType())
		require.Equal(s.t, manifest.ID("/echo"), matchers[0].GetMatcher().GetExact())
	}
	require.Contains(s.t, names, sni)
}

func (s *scenario) rotationShows() {
	s.t.Helper()
	before := s.get(echoRoute.Host(), "/").Echo
	require.NotNil(s.t, before)
	s.must(s.env.Rotate(s.soon()))
	s.until(echoRoute.Host(), "the new SVID", func(r *envoy.Response) bool {
		return seesEnvoy(r) && r.Echo.Serial != before.Serial
	})
}

func (s *scenario) wrongPeerIsRejected(routes ...manifest.Route) {
	s.t.Helper()
	s.must(s.env.ApplyPolicy(s.ctx, s.wrongPeer()))
	for _, r := range routes {
		s.until(r.Host(), "a rejection", envoy.Status(503))
		line := s.logged("access", r.Host(), "CERTIFICATE_VERIFY_FAILED")
		require.Regexp(s.t, `\b503\b.*\bUF\b|\bUF\b.*\b503\b`, line)
	}
}

// timeToEffect measures how long a change of a policy takes to affect traffic.
func (s *scenario) timeToEffect() {
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	var times []time.Duration
	for range 5 {
		s.effect(s.wrongPeer(), echoRoute.Host(), envoy.Status(503))
		times = append(times, s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy).Round(time.Millisecond))
	}
	slices.Sort(times)
	s.t.Logf("from the change of the policy's file to the first request with the SVID: median %s of %s", times[2], times)
	require.Less(s.t, times[2], 3*time.Second)
}
