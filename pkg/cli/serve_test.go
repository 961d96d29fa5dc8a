package cli

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// serving runs `egraft serve` until the test ends or calls stop. It returns when a health check
// with the same settings succeeds.
func serving(t *testing.T, environ []string, args ...string) (stderr *output, stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stderr, code := &output{}, make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve"}, args...), &program{features: withHello, environ: environ, stdout: io.Discard, stderr: stderr})
	}()
	t.Cleanup(cancel)
	require.Eventually(t, func() bool {
		return egraft(t.Context(), environ, append([]string{"healthcheck"}, args...)...) == result{ExitOK, "serving\n", ""}
	}, 20*time.Second, 5*time.Millisecond, "%s", stderr)
	return stderr, func() int { cancel(); return <-code }
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

func dial(t *testing.T, target string) extension.EnvoyGatewayExtensionClient {
	t.Helper()
	conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return extension.NewEnvoyGatewayExtensionClient(conn)
}

// TestBufferPoolOfTheCodec: the server uses the codec's buffer pool. With another pool, the codec
// would copy what it receives.
func TestBufferPoolOfTheCodec(t *testing.T) {
	c := serverConfig(&settings{Config: config.Default()}, slog.New(slog.DiscardHandler), telemetry.New(telemetry.Config{}), nil)
	require.Same(t, wire.BufferPool(), c.BufferPool)
}

// TestLargeMessages sends more than gRPC's own limit of 4 MiB.
func TestLargeMessages(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", "off")
	name := strings.Repeat("x", 8<<20)
	answer, err := dial(t, "unix:"+socket).PostTranslateModify(t.Context(),
		&extension.PostTranslateModifyRequest{Clusters: []*clusterv3.Cluster{{Name: name}}},
		grpc.MaxCallRecvMsgSize(16<<20))
	require.NoError(t, err)
	require.Equal(t, name, answer.GetClusters()[0].GetName())
	require.Equal(t, ExitOK, stop())
}

// TestServe covers everything once: a custom mutator, all six hooks, metrics, shutdown.
func TestServe(t *testing.T) {
	socket, admin := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	stderr, stop := serving(t, []string{"EGRAFT_ADMIN_ADDRESS=" + admin, "EGRAFT_SOKET=x"}, "--socket", socket, "--log-level", "debug")
	client := dial(t, "unix:"+socket)
	answer, err := client.PostClusterModify(t.Context(), &extension.PostClusterModifyRequest{Cluster: &clusterv3.Cluster{Name: "c"}})
	require.NoError(t, err)
	require.Equal(t, "hello", answer.GetCluster().GetAltStatName())
	callOtherHooks(t, client)

	metrics := get(t, "http://"+admin+"/metrics")
	for _, hook := range mutator.Hooks() {
		require.Contains(t, metrics, `egraft_calls_total{code="OK",hook="`+string(hook)+`"} 1`)
	}
	require.Contains(t, metrics, `egraft_mutator_results_total{feature="hello",hook="Cluster",result="applied"} 1`)
	require.Contains(t, metrics, "egraft_limit_message_bytes 2.68435456e+08")
	require.Equal(t, ExitOK, stop())
	require.NoFileExists(t, socket)
	require.Contains(t, stderr.String(), `"msg":"unknown environment variable","variable":"EGRAFT_SOKET"`)
	require.Contains(t, stderr.String(), `"features":[`+strings.ReplaceAll(quoted(mutatorNames(catalog.Options{})), " ", "")+`]`)
	require.Contains(t, stderr.String(), `"level":"DEBUG","msg":"call","hook":"Translation","code":"OK"`)
}

func callOtherHooks(t *testing.T, c extension.EnvoyGatewayExtensionClient) {
	t.Helper()
	_, err := c.PostRouteModify(t.Context(), &extension.PostRouteModifyRequest{})
	require.NoError(t, err)
	_, err = c.PostVirtualHostModify(t.Context(), &extension.PostVirtualHostModifyRequest{})
	require.NoError(t, err)
	_, err = c.PostHTTPListenerModify(t.Context(), &extension.PostHTTPListenerModifyRequest{})
	require.NoError(t, err)
	_, err = c.PostEndpointsModify(t.Context(), &extension.PostEndpointsModifyRequest{})
	require.NoError(t, err)
	_, err = c.PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{})
	require.NoError(t, err)
}

func get(t *testing.T, url string) string {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

func TestServeTCP(t *testing.T) {
	address := freeAddress(t)
	stderr, stop := serving(t, nil, "--listen-address", address, "--insecure", "--admin-address", freeAddress(t), "--disable-features", "hello")
	answer, err := dial(t, address).PostClusterModify(t.Context(), &extension.PostClusterModifyRequest{Cluster: &clusterv3.Cluster{Name: "c"}})
	require.NoError(t, err)
	require.Equal(t, "c", answer.GetCluster().GetName())
	require.Empty(t, answer.GetCluster().GetAltStatName(), "the mutator is disabled")
	require.Contains(t, stderr.String(), "serving without TLS")
	require.Equal(t, ExitOK, stop())
}

func TestSettingsOfMutators(t *testing.T) {
	p := &program{features: withHello, environ: []string{"EGRAFT_FAILURE_POLICY=hello=Fail", "EGRAFT_DISABLE_FEATURES=" + strings.Join(slices.DeleteFunc(mutatorNames(catalog.Options{}), func(n string) bool { return n == "hello" }), ",")}}
	s, err := p.load(nil)
	require.NoError(t, err)
	require.Len(t, s.features, 1)
	require.Equal(t, "hello", s.features[0].Name)
	require.EqualValues(t, "Fail", s.features[0].FailurePolicy)
}
