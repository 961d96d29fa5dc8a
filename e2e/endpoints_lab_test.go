//go:build e2e

package e2e

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/e2e/parts"
)

// never is a delay after which nothing is sent.
const never = time.Duration(-1)

// settle is the time for which the last response must stay the same.
const settle = 300 * time.Millisecond

// lab is a real Envoy whose control plane the test controls.
type lab struct {
	*ads.Server
	*ads.Envoy
	t       *testing.T
	program string
	backend int // port
}

// newLab starts a control plane and a backend. [lab.boot] starts Envoy.
func newLab(t *testing.T) *lab {
	t.Helper()
	store, err := parts.NewStore(os.Stderr)
	require.NoError(t, err)
	program, err := store.Get(t.Context(), parts.Envoy) // TestMain has obtained it
	require.NoError(t, err)
	server, err := ads.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(server.Stop)
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	port := backend.Listener.Addr().(*net.TCPAddr).Port
	return &lab{Server: server, t: t, program: program, backend: port}
}

func (l *lab) set(resources ...proto.Message) {
	l.t.Helper()
	require.NoError(l.t, l.Set(resources...))
}

// boot starts Envoy with clusters named in the routes.
func (l *lab) boot(routes ...string) {
	l.t.Helper()
	listener, err := ads.Listener()
	require.NoError(l.t, err)
	l.set(listener, ads.Routes(routes...))
	l.Envoy, err = ads.StartEnvoy(l.program, l.t.TempDir(), l.Server)
	require.NoError(l.t, err)
	l.t.Cleanup(func() {
		require.NoError(l.t, l.Envoy.Stop())
		require.NoError(l.t, l.Rejected())
		if log, err := os.ReadFile(l.Log()); l.t.Failed() {
			l.t.Logf("%s %v", log, err)
		}
	})
}

// running starts Envoy with one cluster that serves in its first generation.
func (l *lab) running(cluster proto.Message) {
	l.t.Helper()
	l.set(cluster, ads.Endpoints("old", l.backend))
	l.boot("old")
	l.watch(time.Now(), "old", "200 1")
}

// late sends endpoints after a delay, or never.
func (l *lab) late(delay time.Duration, cluster string, ports ...int) {
	if delay == never {
		return
	}
	timer := time.AfterFunc(delay, func() { _ = l.Set(ads.Endpoints(cluster, ports...)) }) // packing cannot fail: it did not fail before
	l.t.Cleanup(func() { timer.Stop() })
}

// watch returns what a client saw until it got the expected response.
func (l *lab) watch(begin time.Time, host, answer string) ads.Timeline {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	seen, err := l.Watch(ctx, begin, host, answer, settle)
	require.NoError(l.t, err)
	return seen
}

const (
	notFound = "503 NC cluster_not_found"
	noHosts  = "503 UH no_healthy_upstream"
)

// last returns the response after endpoints arrive with a delay.
func last(delay time.Duration, generation string) string {
	if delay == never {
		return noHosts
	}
	return "200 " + generation
}

// cold starts Envoy with a cluster whose endpoints arrive late.
func (l *lab) cold(timeout, delay time.Duration) ads.Timeline {
	l.set(ads.Cluster("new", "1", timeout))
	l.boot("new")
	require.NoError(l.t, l.WaitAsked(l.t.Context(), "new"))
	begin := time.Now()
	l.late(delay, "new", l.backend)
	return l.watch(begin, "new", last(delay, "1"))
}

// added adds a cluster with a new route to a serving Envoy.
func (l *lab) added(timeout, delay time.Duration) ads.Timeline {
	l.running(ads.Cluster("old", "1", timeout))
	begin := time.Now()
	l.set(ads.Cluster("new", "1", timeout), ads.Routes("old", "new"))
	l.late(delay, "new", l.backend)
	return l.watch(begin, "new", last(delay, "1"))
}

// edited edits a cluster that serves. Its endpoints change late.
func (l *lab) edited(timeout, delay time.Duration) ads.Timeline {
	l.running(ads.Cluster("old", "1", timeout))
	begin := time.Now()
	l.set(ads.Cluster("old", "2", timeout))
	if delay != never {
		l.late(delay, "old", l.backend)
	}
	return l.watch(begin, "old", "200 2")
}

// converted replaces a static cluster with one that uses EDS.
func (l *lab) converted(timeout, delay time.Duration) ads.Timeline {
	static := newLabStatic(l)
	begin := time.Now()
	l.set(ads.Cluster(static, "2", timeout))
	l.late(delay, static, l.backend)
	return l.watch(begin, static, last(delay, "2"))
}

// newLabStatic serves with a static cluster and returns its name.
func newLabStatic(l *lab) string {
	l.set(ads.StaticCluster("static", "1", l.backend))
	l.boot("static")
	l.watch(time.Now(), "static", "200 1")
	return "static"
}

const warmingClusters = "^cluster_manager.warming_clusters%24"

// timeouts returns the number of clusters that Envoy activated without a response about their
// endpoints.
func (l *lab) timeouts() int {
	l.t.Helper()
	n, err := l.Stat(l.t.Context(), "init_fetch_timeout%24")
	require.NoError(l.t, err)
	return n
}
