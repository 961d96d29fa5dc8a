package server

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// TestProbesAskWhatIsServed checks both kinds of probe while the service becomes unhealthy and
// recovers.
func TestProbesAskWhatIsServed(t *testing.T) {
	var ill atomic.Bool
	i := start(t, func(c *Config) {
		c.Healthy = func() error {
			if ill.Load() {
				return errors.New("mutator hello hangs")
			}
			return nil
		}
	})
	client := grpc_health_v1.NewHealthClient(i.dial(t))
	requireProbes := func(code int, body string, status grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		answer, err := http.Get("http://" + i.admin.String() + "/readyz")
		require.NoError(t, err)
		defer answer.Body.Close()
		got, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.Equal(t, body, string(got))
		require.Equal(t, code, answer.StatusCode)
		checked, err := client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		require.Equal(t, status, checked.GetStatus())
	}
	requireProbes(http.StatusOK, "ok\n", grpc_health_v1.HealthCheckResponse_SERVING)
	ill.Store(true)
	requireProbes(http.StatusServiceUnavailable, "mutator hello hangs\n", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	require.Equal(t, http.StatusOK, i.get(t, "/healthz"))
	_, err := i.call(t)
	require.NoError(t, err, "calls are served even so")
	_, err = client.Check(t.Context(), &grpc_health_v1.HealthCheckRequest{Service: "unknown"})
	require.Equal(t, codes.NotFound, status.Code(err))
	ill.Store(false)
	requireProbes(http.StatusOK, "ok\n", grpc_health_v1.HealthCheckResponse_SERVING)
}

// TestVerbose: checks are listed, and do not make the server unready.
func TestVerbose(t *testing.T) {
	var ill atomic.Bool
	i := start(t, func(c *Config) {
		c.Healthy = func() error {
			if ill.Load() {
				return errors.New("mutator hello hangs")
			}
			return nil
		}
		c.Checks = func() []Check { return []Check{{Name: "EGR1 fine"}, {"EGR2 calls", "none"}} }
	})
	verbose := func() (int, string) {
		answer, err := http.Get("http://" + i.admin.String() + "/readyz?verbose")
		require.NoError(t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return answer.StatusCode, string(body)
	}
	status, body := verbose()
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "[+]ready ok\n[+]EGR1 fine ok\n[-]EGR2 calls failed: none\nreadyz check passed\n", body)
	ill.Store(true)
	status, body = verbose()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "[-]ready failed: mutator hello hangs\n[+]EGR1 fine ok\n[-]EGR2 calls failed: none\nreadyz check failed\n", body)
}
