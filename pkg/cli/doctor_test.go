package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
)

// gatewayConfig writes a file with an Envoy Gateway configuration that refers to a socket.
func gatewayConfig(t *testing.T, socket string, change ...string) string {
	t.Helper()
	got := egraft(t.Context(), nil, "config", "envoy-gateway", "--socket", socket)
	require.Equal(t, ExitOK, got.code)
	path := filepath.Join(t.TempDir(), "eg.yaml")
	require.NoError(t, os.WriteFile(path, []byte(preamble+strings.NewReplacer(change...).Replace(got.stdout)), 0o600))
	return path
}

// runningGateway serves a configuration like Envoy Gateway's admin server.
func runningGateway(t *testing.T, answer string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/api/server_info" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(answer))
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestDoctor goes from a running egraft and a file to a report and an exit code.
func TestDoctor(t *testing.T) {
	socket, address := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address)
	gateway := runningGateway(t, "{}")
	check := func(args ...string) result {
		return egraft(t.Context(), nil, append([]string{"doctor", "--admin-address", address, "--envoy-gateway-admin", gateway}, args...)...)
	}

	got := check("--envoy-gateway-config", gatewayConfig(t, socket), "--short", "--skip", "EGR532")
	require.Contains(t, got.stdout, "0 failed, 0 warnings, ", "%v", got)
	require.Equal(t, result{ExitOK, got.stdout, ""}, got)

	wrong := gatewayConfig(t, socket, "failOpen: false", "failOpen: true", socket, "/elsewhere", "- Cluster #", "#")
	got = check("--envoy-gateway-config", wrong, "--short", "--skip", "EGR532")
	require.Equal(t, []any{ExitFailure, "egraft: 3 checks failed\n"}, []any{got.code, got.stderr})
	for _, text := range []string{
		"extensionManager connects to /elsewhere, but egraft listens on " + socket,
		"extensionManager does not have the Cluster hook", "extensionManager has failOpen: true",
	} {
		require.Contains(t, got.stdout, text)
	}

	got = check("--envoy-gateway-config", wrong, "-o", "json")
	require.Equal(t, ExitFailure, got.code)
	var report doctor.Report
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &report))
	require.Equal(t, []int{1, 3}, []int{report.Version, report.Failed})
	require.Len(t, report.Checks, len(doctor.Checks()))

	got = check("--envoy-gateway-config", "/none")
	require.Contains(t, got.stdout, "open /none: no such file or directory")
	require.Equal(t, ExitFailure, got.code)
	require.Equal(t, ExitOK, stop())

	got = check("--envoy-gateway-config", gatewayConfig(t, socket), "--socket", socket)
	require.Contains(t, got.stdout, "ask "+address+": dial tcp "+address+": connect: connection refused")
	require.Equal(t, "egraft: 1 check failed\n", got.stderr, "the rest is judged by the settings: %s", got.stdout)
}

// TestDoctorAsksEnvoyGateway: doctor checks the running configuration, and reports a file that
// differs.
func TestDoctorAsksEnvoyGateway(t *testing.T) {
	running := runningGateway(t, `{"version": "v1.9.1", "envoyGatewayConfig": {"kind": "EnvoyGateway"}}`)
	got := egraft(t.Context(), nil, "doctor", "--admin-address", "off", "--envoy-gateway-admin", running, "--envoy-gateway-config", gatewayConfig(t, "/s"), "--socket", "/s")
	require.Contains(t, got.stdout, "the version of Envoy Gateway is supported (v1.9.1)")
	require.Contains(t, got.stdout, "eg.yaml has no extension manager")
	require.Contains(t, got.stdout, "differ from those of the running Envoy Gateway")
	require.Equal(t, ExitFailure, got.code)
}

func TestDoctorRejects(t *testing.T) {
	t.Setenv("KUBECONFIG", "/none")
	t.Setenv("HOME", t.TempDir())
	for args, want := range map[string]string{
		"--skip EGR000":    `--skip "EGR000" is not the code of a check`,
		"--skip EGR508,x":  `--skip "x" is not the code of a check`,
		"--output yaml":    `--output "yaml" is not one of text, json`,
		"cluster":          `egraft doctor takes no arguments, but got "cluster"`,
		"--kubeconfig /no": "read kubeconfig: stat /no: no such file or directory",
	} {
		got := egraft(t.Context(), nil, append([]string{"doctor"}, strings.Fields(args)...)...)
		require.Equal(t, result{ExitUsage, "", "egraft: " + want + "\nSee `egraft doctor --help`.\n"}, got, args)
	}
	got := egraft(t.Context(), []string{"EGRAFT_ADMIN_ADDRESS=127.0.0.1:1"}, "doctor")
	require.Equal(t, ExitUsage, got.code)
	require.Contains(t, got.stderr, "no egraft responds on this host (ask 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused), and no kubeconfig names a cluster")
}
