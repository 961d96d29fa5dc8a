//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// interplay has all of egraft's policies on one Gateway, with listeners of each protocol and Envoy
// Gateway's own policies.
type interplay struct {
	*frontend
	uploads    *uploadBackend
	slow, fast *slowBackend
	// unanswered counts requests for /never.
	unanswered *atomic.Int64
	// uploadsHost has its own limit, and otherHost the Gateway's.
	uploadsHost, otherHost string
}

// TestInterplay: all policies together have the same effects as each of them alone, next to targets
// without them and Envoy Gateway's own policies on the same targets, as documented.
func TestInterplay(t *testing.T) {
	needs(t, here)
	t.Setenv("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true") // only the machine's owner can change what it warns about
	in := &interplay{unanswered: &atomic.Int64{}, frontend: &frontend{fixture: start(t, standalone.Options{
		Egraft: []string{"--include-attempt-count", "--fast-cluster-updates"}, Listeners: interplayListeners(),
	})}}
	in.everything()
	in.programmed()
	for _, part := range []struct {
		name string
		run  func(*interplay)
	}{
		{"identity of Envoy", (*interplay).identity},
		{"identity of clients", (*interplay).clients},
		{"buffering", (*interplay).buffering},
		{"hedging", (*interplay).hedging},
		{"original destination", (*interplay).destination},
		{"listeners without a policy", (*interplay).untouched},
		{"order of filters", (*interplay).order},
		{"second translation", (*interplay).again},
	} {
		t.Run(part.name, func(t *testing.T) {
			f := &fixture{scenario{env: in.env, t: t, ctx: in.ctx}, in.Environment}
			f.logsOnFailure()
			of := *in
			of.frontend = &frontend{fixture: f, client: in.client, stranger: in.stranger}
			part.run(&of)
		})
	}
}

// everything applies all resources and waits until they are in effect.
func (in *interplay) everything() {
	in.certificates()
	in.uploads, in.slow, in.fast = in.uploadBackend(), in.hedgedBackend(slowness), in.hedgedBackend(0)
	in.uploadsHost, in.otherHost = in.fixture.uploads("uploads", "http", in.uploads), in.fixture.uploads("other", "http", in.uploads)
	tls, plain := in.tlsRoute(), plainRoute
	tls.Section, plain.Section = "http", "second"
	in.routes(tls, plain)
	in.hedgedTo(hedgeExample(in.t), "", in.slow, in.fast)
	in.apply("pool", in.countingPool())
	in.apply("frontend", frontendRoute)
	in.apply("web", in.webRoute())
	in.apply("rpc", rpcRoute(in.rpcBackend()))
	in.apply("tcp", tcpRoute(in.mirror()))
	in.apply("own", gatewaysOwn())
	secured := in.fixture.policy("Gateway", "eg", "http")
	secured.Name, secured.PlaintextBackends = "mtls", "Leave"
	in.policies(secured)
	in.apply("clients", in.documented(0))
	in.bufferPolicy("buffer", "kind: Gateway, name: eg", "maxRequestBytes: 64Ki")
	in.bufferPolicy("buffer-uploads", "kind: HTTPRoute, name: uploads", "maxRequestBytes: 1Mi")
}

// certificates creates the certificates of the TLS listeners and of the clients.
func (in *interplay) certificates() {
	clients := in.svidsFor("/client", "/stranger")
	in.client, in.stranger = clients["/client"], clients["/stranger"]
	in.apply("secrets", certificateSecret(in.t, "first", mutualHost)+certificateSecret(in.t, "second", "*.example.net"))
}

// hedgedBackend is slow except for /at-once, for which its first response is an error, and never
// responds to /never.
func (in *interplay) hedgedBackend(delay time.Duration) *slowBackend {
	return in.countingBackend(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/never":
			in.unanswered.Add(1)
			<-r.Context().Done()
		case r.URL.Path != "/at-once":
			awhile(r.Context(), delay)
		case r.Header.Get("X-Envoy-Attempt-Count") == "1":
			w.WriteHeader(http.StatusTeapot)
		}
		_, _ = fmt.Fprint(w, delay)
	})
}

// programmed waits until egraft reports that every policy is in effect, and until Envoy sends the
// responses that arrive last.
func (in *interplay) programmed() {
	in.t.Helper()
	want := map[string]string{}
	for _, policy := range []string{
		"BackendMTLSPolicy default/mtls", "BufferPolicy default/buffer", "BufferPolicy default/buffer-uploads",
		"FrontendMTLSPolicy default/clients", "HedgeFilter default/hedge", "OriginalDestinationBackend default/pool",
	} {
		want[policy] = "Programmed"
	}
	in.wait("all policies to be programmed", func(ctx context.Context) error {
		content, err := in.Log(ctx, "egraft")
		if err != nil {
			return err
		}
		if got := lastOutcomes(standalone.ParseLog(content)); !maps.Equal(got, want) {
			return fmt.Errorf("got %v", got)
		}
		return nil
	})
	in.until("tls.example.com", "the SVID and the patches", func(r *envoy.Response) bool { return seesEnvoy(r) && r.Header.Get("X-Patched-Filters") == "yes" })
	in.wait("HTTP/3", func(ctx context.Context) error {
		_, err := in.nobody.by(ctx, http30, webHost, nil)
		return err
	})
	in.eventually("Envoy's SVID", in.client, mutualHost, func(r *tlsResponse) bool { return r.status == 200 && r.id() == manifest.ID("/envoy") })
	in.must(in.WaitSettled(in.soon()))
}

// lastOutcomes returns the last outcome of each policy in a log.
func lastOutcomes(log []standalone.Line) map[string]string {
	out := map[string]string{}
	for _, line := range log {
		if line.Message() == "policy not programmed" {
			out[fmt.Sprint(line["policy"])] = fmt.Sprint(line["reason"])
		}
		policies, _ := line["policies"].([]any)
		for _, p := range policies {
			name, _, _ := strings.Cut(fmt.Sprint(p), ": ")
			out[name] = "Programmed"
		}
	}
	return out
}

// identity: the backend with a BackendTLSPolicy and a BackendMTLSPolicy sees the SVID, and the
// effects of Envoy Gateway's policies and patches on the same target.
func (in *interplay) identity() {
	response := in.get("tls.example.com", "/")
	require.Equal(in.t, manifest.ID(manifest.EnvoyIdentity), response.Echo.Peer)
	require.Equal(in.t, "echo.example.org", response.Echo.SNI, "the BackendTLSPolicy's")
	require.Equal(in.t, "1", response.Echo.Headers["X-Envoy-Attempt-Count"])
	require.Equal(in.t, "gateway", response.Echo.Headers["X-Early"], "the ClientTrafficPolicy's")
	require.Equal(in.t, "yes", response.Header.Get("X-Patched-Routes"))
	require.Equal(in.t, "yes", response.Header.Get("X-Patched-Filters"))
	n, err := in.Stat(in.soon(), "^cluster.patched.upstream_rq_200$")
	in.must(err)
	require.Positive(in.t, n, "requests to the cluster by the name that the patch gave it")
}

// clients: the listener with a FrontendMTLSPolicy serves only the permitted client, with the TLS
// versions of a ClientTrafficPolicy, and the policy's header is in effect. HTTP/3, which exists
// because another listener on the port has it, is rejected.
func (in *interplay) clients() {
	for _, version := range []string{http11, http2} {
		response, err := in.client.by(in.soon(), version, mutualHost, nil)
		in.must(err)
		require.Equal(in.t, fmt.Sprint(version, 200), fmt.Sprint(response.proto, response.status))
		require.Contains(in.t, response.echo.Headers["X-Forwarded-Client-Cert"], "URI=spiffe://example.org/client")
		require.Empty(in.t, response.echo.Headers["X-Early"], "a more specific ClientTrafficPolicy applies")
		require.Contains(in.t, response.header.Get("Alt-Svc"), "h3=", "what docs/how-policies-interact.md warns of")
		response, err = in.client.by(in.soon(), version, mutualHost, bytes.NewReader(make([]byte, bufferLimit+1)))
		in.must(err)
		require.Equal(in.t, 413, response.status, version)
	}
	in.mustReject(in.stranger, unknownCertificate)
	in.mustReject(in.nobody, noCertificate)
	require.EqualError(in.t, in.client.rejectionOfTLS12(in.soon(), mutualHost), "remote error: tls: protocol version not supported")
	for _, c := range []tlsClient{in.client, in.nobody} {
		response, err := c.by(in.soon(), http30, mutualHost, nil)
		in.must(err)
		require.Equal(in.t, 500, response.status)
	}
}

// buffering: each route has its own limit, and the BufferPolicy of a route overrides requestBuffer
// of a BackendTrafficPolicy on the same route.
func (in *interplay) buffering() {
	in.takes(in.otherHost, bufferLimit)
	in.takes(in.uploadsHost, 1<<20)
}

// hedging: a slow backend has no visible effect, the status code in a BackendTrafficPolicy is
// retried, and its timeout ends requests without a response.
func (in *interplay) hedging() {
	require.Less(in.t, in.latency(20), time.Second, "the route's requests end then")
	require.Positive(in.t, in.fast.hedged.Load())
	for range 4 {
		require.Equal(in.t, 200, in.get(hedgedHost, "/at-once").Status)
	}
	require.Equal(in.t, 504, in.get(hedgedHost, "/never").Status)
	require.EqualValues(in.t, 2, in.unanswered.Load(), "one more than the first, as the filter sets, not as many as the BackendTrafficPolicy")
}

// destination: requests go where the script directs them, with the changes of earlier filters,
// unless the networks, Envoy Gateway's authorization or the buffer's limit reject them.
func (in *interplay) destination() {
	const wanted = "127.0.0.1:3080"
	outside := in.recorderAt("127.0.0.3:0")
	body := bytes.Repeat([]byte("."), bufferLimit) // four times as much as the ClientTrafficPolicy lets filters buffer
	response := in.toPool(body, "x-wanted", wanted)
	require.Equal(in.t, 200, response.Status, response)
	headers := response.Echo.Headers
	require.Equal(in.t, fmt.Sprint(bufferLimit), headers["X-Length"], "what the script saw of the body")
	require.Equal(in.t, "gateway", headers["X-Early"])
	require.Equal(in.t, "1", headers["X-Envoy-Attempt-Count"])
	for name := range headers {
		require.NotContains(in.t, name, "Egraft")
	}
	require.Equal(in.t, "yes", response.Header.Get("X-Patched-Filters"))

	served, err := in.Stat(in.soon(), "^cluster.httproute/default/pool/rule/0.upstream_rq_total$")
	in.must(err)
	denied := func() int {
		n, err := in.Stat(in.soon(), "^http.*rbac.original_destination.denied$")
		in.must(err)
		return n
	}
	before := denied()
	for _, rejection := range []struct {
		status  int
		body    []byte
		headers []string
	}{
		{403, nil, []string{"x-wanted", wanted, "x-team", "strangers"}},
		{413, append(body, '.'), []string{"x-wanted", at("127.0.0.3", outside), "x-team", "strangers"}},
	} {
		require.Equal(in.t, rejection.status, in.toPool(rejection.body, rejection.headers...).Status, "%s", rejection.headers)
	}
	require.Equal(in.t, before, denied(), "rejected before the networks are checked")
	for _, headers := range [][]string{
		{"x-wanted", at("127.0.0.3", outside)},
		{"x-egraft-destination", "d=" + wanted, "x-egraft-destination-address", "127.0.0.1"},
	} {
		require.Equal(in.t, 403, in.toPool(nil, headers...).Status, "%s", headers)
	}
	require.Equal(in.t, before+2, denied())
	after, err := in.Stat(in.soon(), "^cluster.httproute/default/pool/rule/0.upstream_rq_total$")
	in.must(err)
	require.Equal(in.t, served, after, "requests that were rejected")
	require.Zero(in.t, outside.connections.Load())
}

// untouched: listeners to which only the Gateway's BufferPolicy applies.
func (in *interplay) untouched() {
	for _, version := range []string{http11, http2, http30} {
		response, err := in.nobody.by(in.soon(), version, webHost, nil)
		in.must(err)
		require.Equal(in.t, fmt.Sprint(version, 200), fmt.Sprint(response.proto, response.status))
		require.Equal(in.t, []string{"*.example.net"}, response.names)
		require.Contains(in.t, response.header.Get("Alt-Svc"), "h3=")
		require.Equal(in.t, webName, response.echo.SNI, "the BackendTLSPolicy's")
		require.Equal(in.t, "1", response.echo.Headers["X-Envoy-Attempt-Count"])
		require.Empty(in.t, response.echo.Headers["X-Early"]+response.header.Get("X-Patched-Filters"), "headers for other listeners")
		for size, want := range map[int]int{bufferLimit: 200, bufferLimit + 1: 413} {
			response, err = in.nobody.by(in.soon(), version, webHost, bytes.NewReader(make([]byte, size)))
			in.must(err)
			require.Equal(in.t, want, response.status, "%d bytes by %s", size, version)
		}
	}
	cluster, err := in.RouteCluster(in.soon(), "web")
	in.must(err)
	require.Contains(in.t, fmt.Sprint(cluster), "initial_fetch_timeout:1s", "of --fast-cluster-updates")
	require.NotContains(in.t, fmt.Sprint(cluster), "spiffe")
	said, err := in.nobody.rpc(in.soon())
	in.must(err)
	require.Equal(in.t, "SERVING", said)
	plain, err := envoy.Get(in.soon(), standalone.SecondListenerAddress, plainRoute.Host(), "/")
	in.must(err)
	require.True(in.t, cleartext(plain), plain)
	content := bytes.Repeat([]byte("TCP"), bufferLimit) // more than any limit for requests
	back, err := mirrored(in.soon(), content)
	in.must(err)
	require.True(in.t, bytes.Equal(content, back), "what comes back by TCP")
}

// order: each chain has each filter once, in the order in docs/how-policies-interact.md.
func (in *interplay) order() {
	const patched, buffer, router = "envoy.filters.http.header_mutation", "envoy.filters.http.buffer", "envoy.filters.http.router"
	pool, rpc := in.documentedOrder(), []string{buffer, "envoy.filters.http.grpc_web", "envoy.filters.http.grpc_stats", router}
	got, err := in.HTTPFilters(in.soon())
	in.must(err)
	for _, names := range got { // kinds, without the names of filters
		for i, name := range names {
			names[i], _, _ = strings.Cut(name, "/")
		}
	}
	require.Equal(in.t, map[string][]string{
		xdsListener("http") + ": " + xdsRoutes("http"):     slices.Concat([]string{patched}, pool),
		xdsListener("second") + ": " + xdsRoutes("second"): pool,
		xdsListener("https") + ": default/eg/https":        {"egraft.io", buffer, router}, // the clients of a FrontendMTLSPolicy
		xdsListener("https") + ": default/eg/ordinary":     rpc,
		xdsListenerQUIC("https") + ": default/eg/ordinary": rpc,
		xdsListenerQUIC("https") + ": <nil>":               {buffer, router}, // the denial of HTTP/3
		"envoy-gateway-proxy-ready-0.0.0.0-19003: <nil>":   {"envoy.filters.http.health_check", router},
	}, got)
}

// again: another translation, by the same egraft and by a restarted one, changes only what belongs
// to a changed route.
func (in *interplay) again() {
	unrelated := manifest.Route{Name: "unrelated", Port: 3080, Section: "second"}
	before, err := in.Configuration(in.soon())
	in.must(err)
	changes := in.changes()
	in.t.Logf("changes before: %v", changes)
	in.touch(unrelated)
	in.must(in.Egraft.Stop())
	in.must(in.StartEgraft(in.soon()))
	in.touch(unrelated)
	after, err := in.Configuration(in.soon())
	in.must(err)
	require.Equal(in.t, before, after)
	require.Equal(in.t, changes, in.changes(), "listeners, clusters and route configurations that Envoy found changed")
}

// touch adds a route and removes it again.
func (in *interplay) touch(r manifest.Route) {
	in.t.Helper()
	answered := func(status int) {
		in.wait(fmt.Sprintf("%s: %d", r.Host(), status), func(ctx context.Context) error {
			response, err := envoy.Get(ctx, standalone.SecondListenerAddress, r.Host(), "/")
			if err == nil && response.Status != status {
				err = fmt.Errorf("got %s", response)
			}
			return err
		})
	}
	in.must(in.ApplyRoutes(in.ctx, r))
	answered(200)
	in.must(in.Delete(in.ctx, r.Name))
	answered(404)
	in.must(in.WaitSettled(in.soon()))
}

// changes returns how often Envoy received a resource that differed from its current one.
func (in *interplay) changes() map[string]int {
	in.t.Helper()
	out := map[string]int{}
	for _, stat := range []string{
		"^listener_manager.listener_(added|modified|removed)$", "^cluster_manager.cluster_modified$", "rds.(" + xdsRoutes("http") + "|default/eg/(https|ordinary)).config_reload$",
	} {
		n, err := in.Stat(in.soon(), stat)
		in.must(err)
		out[stat] = n
	}
	return out
}
