package server

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/health/grpc_health_v1"
	testpb "google.golang.org/grpc/interop/grpc_testing"
)

// TestSocketIsThereAgain: connected clients are not affected, and new clients can connect soon.
func TestSocketIsThereAgain(t *testing.T) {
	i := start(t, nil)
	path := i.addr.String()
	connected := testpb.NewTestServiceClient(i.dial(t))
	_, err := connected.UnaryCall(t.Context(), payload(1))
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, os.Remove(path))
		require.Eventually(t, func() bool { return exists(path) }, 10*time.Second, time.Millisecond)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			info, err = os.Stat(path)
			return err == nil && info.Mode() == os.ModeSocket|0o600
		}, 10*time.Second, time.Millisecond, "the mode is set again")
		_, err = connected.UnaryCall(t.Context(), payload(1))
		require.NoError(t, err)
		_, err = i.call(t)
		require.NoError(t, err)
	}
	line := i.log.wait(t, "socket removed, listening again")
	require.Equal(t, "WARN", line["level"])
	require.Equal(t, path, line["path"])
	i.stop()
	require.NoError(t, <-i.ended)
	require.NoFileExists(t, path)
}

// TestSocketThatCannotBeThereAgain: probes fail with the reason, the log has it once, and the
// server recovers when the reason is gone.
func TestSocketThatCannotBeThereAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	i := start(t, func(c *Config) { c.Socket.Path = filepath.Join(dir, "s") })
	connected := i.dial(t)
	check := func() grpc_health_v1.HealthCheckResponse_ServingStatus {
		answer, err := grpc_health_v1.NewHealthClient(connected).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		require.NoError(t, err)
		return answer.GetStatus()
	}
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, check())
	require.NoError(t, os.Rename(dir, dir+"2"))
	require.NoError(t, os.WriteFile(dir, nil, 0o600)) // where the directory was
	require.Eventually(t, func() bool { return i.get(t, "/readyz") == http.StatusServiceUnavailable }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_NOT_SERVING, check())
	require.Equal(t, http.StatusOK, i.get(t, "/healthz"))
	line := i.log.wait(t, "cannot reopen removed socket")
	require.Equal(t, "ERROR", line["level"])
	require.Equal(t, "socket removed, new clients cannot connect: create directory of socket: mkdir "+dir+": not a directory", line["error"])

	require.NoError(t, os.Remove(dir))
	require.Eventually(t, func() bool { return i.get(t, "/readyz") == http.StatusOK }, 10*time.Second, 5*time.Millisecond)
	require.Equal(t, grpc_health_v1.HealthCheckResponse_SERVING, check())
	_, err := i.call(t)
	require.NoError(t, err)
	require.Len(t, i.log.find(t, "cannot reopen removed socket"), 1)
}

// TestSocketOfSomebodyElse: a socket of another process stays and makes the server not ready, until
// the server's own socket is back.
func TestSocketOfSomebodyElse(t *testing.T) {
	i := start(t, nil)
	path := i.addr.String()
	require.NoError(t, os.Rename(path, path+"2"))
	other, err := net.Listen("unix", path)
	require.NoError(t, err)
	defer other.Close()
	require.Equal(t, `socket removed, new clients cannot connect: socket "`+path+`" is in use by another process`,
		i.log.wait(t, "cannot reopen removed socket")["error"])
	require.Equal(t, http.StatusServiceUnavailable, i.get(t, "/readyz"))
	require.NoError(t, os.Rename(path+"2", path))
	require.Eventually(t, func() bool { return i.get(t, "/readyz") == http.StatusOK }, 10*time.Second, 5*time.Millisecond)
	_, err = i.call(t)
	require.NoError(t, err)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
