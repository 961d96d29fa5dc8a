package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestExplainStandalone: flags locate the first and the last stage.
func TestExplainStandalone(t *testing.T) {
	config := filepath.Join(t.TempDir(), "envoy-gateway.yaml")
	write := func(kind string) {
		require.NoError(t, os.WriteFile(config, []byte("kind: EnvoyGateway\nextensionManager: {name: egraft, policyResources: [{group: egraft.io, version: v1alpha1, kind: "+kind+"}]}\n"), 0o600))
	}
	envoy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := map[string]string{"/server_info": `{"state": "LIVE", "version": "a/1.39.1/Clean"}`, "/stats": "control_plane.connected_state: 1", "/config_dump": "{}"}[r.URL.Path]
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(envoy.Close)
	t.Chdir(explainFiles)
	address := strings.TrimPrefix(envoy.URL, "http://")
	explain := func() string {
		got := egraft(t.Context(), nil, "explain", "bufferpolicy/default/uploads", "--recording", "calls.yaml", "--envoy-gateway-config", config, "--envoy-admin", address)
		require.Equal(t, 1, got.code)
		return got.stdout
	}
	write("BufferPolicy")
	out := explain()
	require.Contains(t, out, "  · 1 known to Envoy Gateway kind configured\n")
	require.Contains(t, out, "  ✘ 4 active in Envoy        EGR403 NotInEnvoy: Envoy "+address+" does not have listener default/eg/http\n")
	write("OtherPolicy")
	require.Contains(t, explain(), "  ✘ 1 known to Envoy Gateway EGR103 KindNotConfigured: extensionManager.policyResources of Envoy Gateway's configuration lacks BufferPolicy.v1alpha1.egraft.io\n")
}
