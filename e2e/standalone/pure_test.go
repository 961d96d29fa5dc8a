package standalone

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

func TestTail(t *testing.T) {
	cases := map[string]struct {
		content, want string
		lines         int
	}{
		"fewer":      {"a\nb\n", "a\nb", 5},
		"as many":    {"a\nb\n", "a\nb", 2},
		"more":       {"a\nb\nc\n", "b\nc", 2},
		"without \n": {"a\nb", "b", 1},
		"empty":      {"", "", 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, string(tail([]byte(c.content), c.lines))) })
	}
}

// TestPolicyYAML: what tests apply is a BackendMTLSPolicy without unknown
// fields.
func TestPolicyYAML(t *testing.T) {
	cases := map[string]Policy{
		"peers": {Name: "a", Kind: "Gateway", Target: "eg", Identity: "/envoy", Peers: []string{"exact: spiffe://example.org/echo", "prefix: spiffe://example.org/x/"}, Socket: "/s"},
		"all": {
			Name: "a", Kind: "HTTPRoute", Target: "r", Section: "http", Identity: "/envoy", AllowAny: true, Socket: "/s",
			PlaintextBackends: "Deny", TrustBundles: []string{"example.org", "example.com"}, FetchTimeout: time.Second, Created: time.Unix(1, 0),
		},
	}
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			var got v1alpha1.BackendMTLSPolicy
			require.NoError(t, yaml.UnmarshalStrict([]byte(p.YAML()), &got))
			assert.Equal(t, p.Name, got.Name)
			assert.Equal(t, p.Target, string(got.Spec.TargetRefs[0].Name))
			assert.Len(t, got.Spec.Peers, len(p.Peers))
			assert.Equal(t, p.AllowAny, got.Spec.AllowAnyInTrustDomain)
		})
	}
}

func TestRouteYAML(t *testing.T) {
	r := Route{Name: "echo", Port: 3443, Section: "http", CA: []byte("line 1\nline 2\n"), Hostname: "echo.example.org"}
	documents := strings.Split(r.YAML(), "\n---\n")
	require.Len(t, documents, 4)
	var last struct {
		Data map[string]string `json:"data"`
	}
	for _, document := range documents {
		require.NoError(t, yaml.Unmarshal([]byte(document), &last))
	}
	assert.Equal(t, "line 1\nline 2\n", strings.TrimRight(last.Data["ca.crt"], "\n")+"\n")
}

func TestConfigureMergesTheExtensionManager(t *testing.T) {
	dir := t.TempDir()
	path, err := configure(dir, []byte("extensionManager: {failOpen: false}\n"))
	require.NoError(t, err)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, yaml.Unmarshal(content, &got))
	assert.Contains(t, got, "provider")
	assert.Equal(t, map[string]any{"failOpen": false}, got["extensionManager"])
}

func TestPollTellsWhatWasWrongLast(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Poll(ctx, "the moon", func(context.Context) error {
		cancel(errors.New("not within a month"))
		return errors.New("still dark")
	})
	assert.EqualError(t, err, "wait for the moon: not within a month (last: still dark)")
	err = Poll(t.Context(), "the moon", func(context.Context) error { return permanent{errors.New("it fell down")} })
	assert.EqualError(t, err, "wait for the moon: it fell down")
}

func TestPlaceGivesAProgramAPathOfItsOwn(t *testing.T) {
	program := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(program, []byte("binary"), 0o755))
	placed := filepath.Join(t.TempDir(), "bin", "other")
	require.NoError(t, place(program, placed))
	info, err := os.Lstat(placed)
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular(), "a symbolic link would show the first path")
}

func TestPreparedNeedsPrepare(t *testing.T) {
	for _, name := range []string{"egraft", "echo", "envoy", "envoy-gateway"} {
		t.Setenv(variable(parts.Name(name)), "")
	}
	_, err := prepared(Dev, "")
	assert.EqualError(t, err, "programs are missing: call standalone.Prepare before netns.Run")
}
