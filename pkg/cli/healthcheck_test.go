package cli

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestHealthcheckOfServerThatDrains checks a server that responds but does not serve.
func TestHealthcheckOfServerThatDrains(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	draining, s := health.NewServer(), grpc.NewServer()
	draining.Shutdown()
	grpc_health_v1.RegisterHealthServer(s, draining)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	require.Equal(t, result{ExitFailure, "", "egraft: check " + socket + ": NOT_SERVING\n"},
		egraft(t.Context(), nil, "healthcheck", "--socket", socket))
}

// TestHealthcheckByAdminAddress checks an admin address that is not ready.
func TestHealthcheckByAdminAddress(t *testing.T) {
	var asked string
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		http.Error(w, "not ready", http.StatusServiceUnavailable)
	}))
	t.Cleanup(admin.Close)
	address := strings.TrimPrefix(admin.URL, "http://")
	require.Equal(t, result{ExitFailure, "", "egraft: check " + address + ": /readyz responded with 503 Service Unavailable\n"},
		egraft(t.Context(), nil, "healthcheck", "--listen-address", ":9443", "--insecure", "--admin-address", address))
	require.Equal(t, "/readyz", asked)
}
