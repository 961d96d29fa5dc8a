//go:build e2e

package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/playback"
	"github.com/egraft/egraft/e2e/standalone"
)

// updateRecorded writes the recording that the demo plays.
var updateRecorded = flag.Bool("update-recorded", false, "record the calls that the demo plays")

// TestRecordedCalls: the demo plays the same calls as Envoy Gateway sends.
func TestRecordedCalls(t *testing.T) {
	needs(t, here)
	if nameSchemeV2() {
		t.Skip("the recording has the default names of listeners")
	}
	f := start(t, standalone.Options{})
	route := playback.Route()
	f.routes(route)
	f.until(route.Host(), "the backend to reject cleartext", envoy.Status(400))
	var path string
	record := func(ctx context.Context) error {
		path = filepath.Join(t.TempDir(), "recording.tar.gz")
		out, err := exec.CommandContext(ctx, f.EgraftProgram(), "record", path, "--admin-address", standalone.EgraftAdminAddress).CombinedOutput()
		if err != nil {
			return fmt.Errorf("egraft record: %w: %s", err, out)
		}
		return nil
	}
	f.must(record(f.ctx)) // egraft then keeps this call, although the next one follows shortly
	f.effect(f.env.Policy(), route.Host(), seesEnvoy)

	var calls map[string]string
	f.wait("egraft to have the calls", func(ctx context.Context) (err error) {
		if err := record(ctx); err != nil {
			return err
		}
		calls, err = playback.Normalized(path, f.Dir)
		return err
	})
	if *updateRecorded {
		writeRecorded(t, calls)
		return
	}
	kept, err := playback.Kept()
	require.NoError(t, err)
	require.Equal(t, kept, calls, "record again: go test -tags e2e ./e2e -run '^%s$' -update-recorded", t.Name())
}

func writeRecorded(t *testing.T, calls map[string]string) {
	t.Helper()
	root := filepath.Join("..", playback.Directory)
	require.NoError(t, os.RemoveAll(root))
	for name, content := range calls {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
}

// TestRecordedStory tests what the demo shows before Envoy Gateway is built.
func TestRecordedStory(t *testing.T) {
	needs(t, here)
	w, err := playback.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	host := playback.Route().Host()
	require.NoError(t, w.Before(t.Context()))
	_, err = w.Until(t.Context(), host, "the backend to reject cleartext", envoy.Status(400))
	require.NoError(t, err)
	require.NoError(t, w.Apply(t.Context()))
	_, err = w.Until(t.Context(), host, "the SVID", seesEnvoy)
	require.NoError(t, err)
	require.Contains(t, string(w.Policy()), manifest.ID(manifest.EnvoyIdentity)[len("spiffe://example.org"):])
	require.Contains(t, string(w.Policy()), w.SPIFFE.Socket())
}
