package server

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"
)

// held is a service whose calls last until release is closed.
func held(begun chan<- struct{}, release <-chan struct{}) func(*Config) {
	return answering(func(context.Context, *testpb.SimpleRequest) (*testpb.SimpleResponse, error) {
		begun <- struct{}{}
		<-release
		return &testpb.SimpleResponse{}, nil
	})
}

func TestRunningCallsFinish(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	i := start(t, held(begun, release))
	health := grpc_health_v1.NewHealthClient(i.dial(t))
	watch, err := health.Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "grpc.testing.TestService"})
	require.NoError(t, err)
	requireHealth(t, watch, grpc_health_v1.HealthCheckResponse_SERVING)
	require.Equal(t, http.StatusOK, i.get(t, "/readyz"))

	result := i.callLater(t)
	<-begun
	i.stop()
	i.log.wait(t, "stopping")
	require.Eventually(t, func() bool { return i.get(t, "/readyz") == http.StatusServiceUnavailable }, 10*time.Second, time.Millisecond)
	require.Equal(t, http.StatusOK, i.get(t, "/healthz"))
	require.Eventually(t, func() bool {
		_, err := os.Lstat(i.addr.String())
		return errors.Is(err, fs.ErrNotExist)
	}, 10*time.Second, time.Millisecond, "the socket goes first")
	_, err = i.call(t)
	require.Equal(t, codes.Unavailable, status.Code(err), "new call")
	require.Empty(t, i.ended)

	close(release)
	require.NoError(t, <-result, "running call")
	require.NoError(t, <-i.ended)
	i.log.wait(t, "stopped")
}

func TestCallsThatDoNotFinish(t *testing.T) {
	begun, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	i := start(t, func(c *Config) {
		held(begun, release)(c)
		c.ShutdownTimeout = time.Millisecond
	})
	result := i.callLater(t)
	<-begun
	i.stop()
	require.NoError(t, <-i.ended)
	require.Equal(t, codes.Unavailable, status.Code(<-result))
	require.Equal(t, "--shutdown-timeout", i.log.wait(t, "stopped with calls in flight")["setting"])
}

func TestHealthWatchDoesNotDelayTheEnd(t *testing.T) {
	i := start(t, nil)
	watch, err := grpc_health_v1.NewHealthClient(i.dial(t)).Watch(t.Context(), &grpc_health_v1.HealthCheckRequest{})
	require.NoError(t, err)
	requireHealth(t, watch, grpc_health_v1.HealthCheckResponse_SERVING)
	i.stop()
	require.NoError(t, <-i.ended)
	require.Len(t, i.log.find(t, "stopped"), 1)
}

func TestNotReadyBeforeListening(t *testing.T) {
	p := newServer(t, func(c *Config) { c.AdminAddress = freeAddress(t) })
	listen, readiness := p.listen, 0
	p.listen = func(ctx context.Context) (net.Listener, error) {
		answer, err := http.Get("http://" + p.cfg.AdminAddress + "/readyz")
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		readiness = answer.StatusCode
		return listen(ctx)
	}
	i := run(t, p)
	require.Equal(t, http.StatusServiceUnavailable, readiness)
	require.Equal(t, http.StatusOK, i.get(t, "/readyz"))
}

// broken is a listener that fails.
type broken struct{ net.Listener }

func (broken) Accept() (net.Conn, error) { return nil, errors.New("out of luck") }

func TestServeLoopThatFails(t *testing.T) {
	p := newServer(t, nil)
	listen := p.listen
	p.listen = func(ctx context.Context) (net.Listener, error) {
		l, err := listen(ctx)
		return broken{l}, err
	}
	require.EqualError(t, p.Run(t.Context()), "serve gRPC: out of luck")
}

func TestAddressInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	taken := l.Addr().String()
	p := newServer(t, func(c *Config) { c.AdminAddress = taken })
	require.EqualError(t, p.Run(t.Context()), "listen on the admin address: listen tcp "+taken+": bind: address already in use")
	p = newServer(t, func(c *Config) { c.Socket, c.TCP = nil, &TCP{Address: taken, Insecure: true} })
	require.EqualError(t, p.Run(t.Context()), "listen for Envoy Gateway: listen tcp "+taken+": bind: address already in use")
}

func TestWithoutAdmin(t *testing.T) {
	i := start(t, func(c *Config) { c.AdminAddress = "" })
	require.Nil(t, i.admin)
	_, err := i.call(t)
	require.NoError(t, err)
	i.stop()
	require.NoError(t, <-i.ended)
}

func TestReflectionOnRequestOnly(t *testing.T) {
	for _, on := range []bool{false, true} {
		p := newServer(t, func(c *Config) { c.Reflection = on })
		_, has := p.grpc.GetServiceInfo()["grpc.reflection.v1.ServerReflection"]
		require.Equal(t, on, has)
	}
}

func requireHealth(t *testing.T, watch grpc.ServerStreamingClient[grpc_health_v1.HealthCheckResponse], want grpc_health_v1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	got, err := watch.Recv()
	require.NoError(t, err)
	require.Equal(t, want, got.Status)
}

// callLater makes a call in the background and sends its error.
func (i *instance) callLater(t *testing.T) <-chan error {
	t.Helper()
	client, result := testpb.NewTestServiceClient(i.dial(t)), make(chan error, 1)
	go func() {
		_, err := client.UnaryCall(t.Context(), payload(100))
		result <- err
	}()
	return result
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// get returns the status of an admin page.
func (i *instance) get(t *testing.T, path string) int {
	t.Helper()
	answer, err := http.Get("http://" + i.admin.String() + path)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}
