package cli

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/cluster/clustertest"
)

// bufferPolicies are three policies, one of which has an invalid name.
const bufferPolicies = `{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicyList", "items": [
	{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": {"namespace": "shop", "name": "buffer"}},
	{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": {"namespace": "shop", "name": "$(reboot)"}},
	{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": {"namespace": "web", "name": "buffer"}}]}`

func TestCompletion(t *testing.T) {
	resources := `{"kind": "APIResourceList", "resources": [{"name": "bufferpolicies", "kind": "BufferPolicy", "namespaced": true}]}`
	of := func(path string) string {
		return clustertest.Kubeconfig(t, map[string]string{"/apis/egraft.io/v1alpha1": resources, path: bufferPolicies}, http.StatusForbidden)
	}
	everywhere := of("/apis/egraft.io/v1alpha1/bufferpolicies")
	for _, test := range []struct{ name, kubeconfig, text, want string }{
		{"kinds", "", "buffer", "bufferpolicy/\n:6\n"},
		{"other kinds", "", "gat", "gateway/\n:6\n"},
		{"names", everywhere, "bufferpolicy/", "bufferpolicy/shop/buffer\nbufferpolicy/web/buffer\n:4\n"},
		{"a namespace", everywhere, "bufferpolicy/w", "bufferpolicy/web/buffer\n:4\n"},
		{"in the case that was typed", everywhere, "BufferPolicy/w", "BufferPolicy/web/buffer\n:4\n"},
		{"one namespace only", of("/apis/egraft.io/v1alpha1/namespaces/shop/bufferpolicies"), "bufferpolicy/s", "bufferpolicy/shop/buffer\n:4\n"},
		{"nothing is allowed", clustertest.Kubeconfig(t, nil, http.StatusForbidden), "bufferpolicy/", ":4\n"},
		{"no cluster", filepath.Join(t.TempDir(), "none"), "bufferpolicy/", ":4\n"},
		{"no such kind", everywhere, "pod/", ":4\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := egraft(t.Context(), nil, "__complete", "explain", "--kubeconfig", test.kubeconfig, test.text)
			require.Equal(t, 0, got.code, got.stderr)
			require.Equal(t, test.want, got.stdout)
			require.NotContains(t, got.stderr, "error")
		})
	}
	got := egraft(t.Context(), nil, "__complete", "explain", "--output", "")
	require.Equal(t, "text\njson\nyaml\n:4\n", got.stdout)
}

func TestInvocation(t *testing.T) {
	for program, want := range map[string]string{
		"/usr/bin/egraft":             "egraft [a b]",
		"/usr/bin/kubectl-egraft":     "kubectl egraft [a b]",
		"kubectl-egraft.exe":          "kubectl egraft [a b]",
		"bin/kubectl_complete-egraft": "kubectl egraft [__complete a b]",
		"kubectl-egraft-other":        "egraft [a b]",
	} {
		name, args := invocation([]string{program, "a", "b"})
		require.Equal(t, want, fmt.Sprint(name, " ", args))
	}
}

// TestPlugin: as a plugin of kubectl, the program uses the name by which users call it.
func TestPlugin(t *testing.T) {
	var stdout, stderr strings.Builder
	p := &program{name: "kubectl egraft", features: withHello, stdout: &stdout, stderr: &stderr}
	require.Equal(t, ExitOK, run(t.Context(), []string{"explain", "--help"}, p))
	require.Contains(t, stdout.String(), "\n  kubectl egraft explain [SUBJECT] [flags]\n")
	require.Equal(t, ExitUsage, run(t.Context(), []string{"version", "x"}, p))
	require.Equal(t, "egraft: kubectl egraft version takes no arguments, but got \"x\"\nSee `kubectl egraft version --help`.\n", stderr.String())
}

func TestMan(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	got := egraft(t.Context(), nil, "man", dir)
	require.Equal(t, result{}, got)
	page, err := os.ReadFile(filepath.Join(dir, "egraft-explain.1"))
	require.NoError(t, err)
	require.Contains(t, string(page), `.TH "EGRAFT-EXPLAIN" "1"`)
	require.Contains(t, string(page), "SUBJECT")
	again := filepath.Join(t.TempDir(), "man1")
	require.Equal(t, result{}, egraft(t.Context(), nil, "man", again))
	second, err := os.ReadFile(filepath.Join(again, "egraft-explain.1"))
	require.NoError(t, err)
	require.Equal(t, string(page), string(second))
	require.Equal(t, ExitUsage, egraft(t.Context(), nil, "man").code)
	require.Equal(t, ExitFailure, egraft(t.Context(), nil, "man", filepath.Join(dir, "egraft-explain.1")).code)
}
