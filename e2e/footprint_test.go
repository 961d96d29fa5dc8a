//go:build e2e

package e2e

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/process"
)

// TestFootprint measures the values that docs/metrics-and-logs.md states for the released binary.
// It only logs the start time, which depends on the load of the machine.
func TestFootprint(t *testing.T) {
	needs(t, here)
	dir := t.TempDir()
	binary, socket := filepath.Join(dir, "egraft"), filepath.Join(dir, "s")
	out, err := exec.Command("../hack/build.sh", binary, "../cmd/egraft").CombinedOutput()
	require.NoError(t, err, "%s", out)
	info, err := os.Stat(binary)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(43_500_000), "size of the binary")

	began := time.Now()
	serve := exec.Command(binary, "serve", "--socket", socket, "--admin-address", "off", "--log-level", "error")
	require.NoError(t, serve.Start())
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })
	err = process.Poll(t.Context(), "egraft to serve", dial(socket))
	require.NoError(t, err)
	took := time.Since(began)
	resident, own := residentBytes(t, serve.Process.Pid, "VmRSS"), residentBytes(t, serve.Process.Pid, "RssAnon")
	t.Logf("%.1f MB stripped, serves after %v, %.1f MB resident, %.1f MB of them not of the file", float64(info.Size())/1e6, took, float64(resident)/1e6, float64(own)/1e6)
	// How much of the binary is mapped depends on the kernel's page cache.
	require.Less(t, resident, 48_000_000, "resident memory when idle")
	require.Less(t, own, 10_000_000, "resident memory when idle that is not the binary's")
}

// dial connects to a socket once.
func dial(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// residentBytes returns a field of proc(5)'s status file, which is in kB.
func residentBytes(t *testing.T, pid int, field string) int {
	t.Helper()
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	require.NoError(t, err)
	_, after, found := strings.Cut(string(status), field+":")
	require.True(t, found)
	kb, err := strconv.Atoi(strings.Fields(after)[0])
	require.NoError(t, err)
	return kb << 10
}
