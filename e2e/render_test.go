//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/diff"

	_ "github.com/egraft/egraft/pkg/mutator/mutatortest" // all messages of Envoy's API
)

// TestRenderIsWhatEnvoyGets: the output of `egraft render` for Envoy's config dump without a policy
// equals Envoy's configuration with the policy.
func TestRenderIsWhatEnvoyGets(t *testing.T) {
	f := start(t, standalone.Options{})
	f.routes(echoRoute)
	f.until(echoRoute.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	f.must(f.WaitSettled(f.soon()))
	dump, err := f.EnvoyAdmin(f.soon(), "/config_dump")
	f.must(err)
	for _, p := range []struct{ kind, target string }{{"HTTPRoute", echoRoute.Name}, {"Gateway", "eg"}} {
		policy := f.policy(p.kind, p.target, "")
		rendered := f.render(dump, policy.YAML())
		require.NotEmpty(t, rendered)
		f.effect(policy, echoRoute.Host(), seesEnvoy)
		f.must(f.WaitSettled(f.soon()))
		f.wait("Envoy to have the clusters", func(ctx context.Context) error {
			clusters, err := f.Clusters(ctx)
			if err != nil {
				return err
			}
			for _, want := range rendered {
				require.Contains(t, clusters, want.GetName())
				delete(clusters[want.GetName()], "@type")
				text, err := json.Marshal(clusters[want.GetName()])
				require.NoError(t, err)
				got := &clusterv3.Cluster{}
				require.NoError(t, protojson.Unmarshal(text, got))
				changes, err := diff.Messages(want, got)
				require.NoError(t, err)
				require.Empty(t, changes.Changes)
			}
			return nil
		})
		f.must(f.Delete(f.soon(), policy.Name))
		f.until(echoRoute.Host(), "the policy to be gone", envoy.Status(400))
	}
}

// render runs `egraft render` and returns the clusters that it changed.
func (f *fixture) render(dump []byte, policy string) (clusters []*clusterv3.Cluster) {
	f.t.Helper()
	file := filepath.Join(f.t.TempDir(), "dump.json")
	f.must(os.WriteFile(file, dump, 0o600))
	cmd := exec.CommandContext(f.soon(), f.EgraftProgram(), "render", "-f", file, "-f", "-", "-o", "json")
	cmd.Env, cmd.Stdin = process.Environ(), bytes.NewBufferString(policy)
	out, err := cmd.Output()
	require.NoError(f.t, err, "%s", out)
	var document struct {
		Resources struct{ Cluster []json.RawMessage }
	}
	require.NoError(f.t, json.Unmarshal(out, &document))
	for _, text := range document.Resources.Cluster {
		c := &clusterv3.Cluster{}
		require.NoError(f.t, protojson.Unmarshal(text, c))
		clusters = append(clusters, c)
	}
	return clusters
}
