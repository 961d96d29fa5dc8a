package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
)

// process is a custom binary that serves.
type process struct {
	*exec.Cmd
	socket string
	stderr *output
}

func startProcess(t *testing.T) *process {
	t.Helper()
	p := &process{socket: filepath.Join(t.TempDir(), "s"), stderr: &output{}}
	p.Cmd = exec.Command(os.Args[0], "serve", "--socket", p.socket, "--admin-address", "off", "--log-level", "debug")
	p.Env, p.Stderr = append(os.Environ(), asMain+"=1"), p.stderr
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Process.Kill() }) // fails if the process has ended
	require.Eventually(t, func() bool {
		return egraft(t.Context(), nil, "healthcheck", "--socket", p.socket).code == ExitOK
	}, 20*time.Second, 5*time.Millisecond)
	return p
}

// wait waits for a text in the log.
func (p *process) wait(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.stderr.String(), text) }, 20*time.Second, time.Millisecond, text)
}

// TestSignals: a custom binary shuts down gracefully, and is not ended by the signal.
func TestSignals(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := startProcess(t)
		require.NoError(t, p.Process.Signal(signal))
		require.NoError(t, p.Wait(), "%s", p.stderr)
		require.True(t, strings.HasSuffix(p.stderr.String(), `"msg":"stopped"}`+"\n"), "%s", p.stderr)
		require.NoFileExists(t, p.socket)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	p := startProcess(t)
	client, result := dial(t, "unix:"+p.socket), make(chan error, 1)
	go func() {
		_, err := client.PostVirtualHostModify(t.Context(), &extension.PostVirtualHostModifyRequest{VirtualHost: &routev3.VirtualHost{Name: "v"}})
		result <- err
	}()
	p.wait(t, slowRuns)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	p.wait(t, `"msg":"stopping"`)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	require.EqualError(t, p.Wait(), "signal: terminated")
	require.Error(t, <-result)
}
