package kube

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfig(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		return path
	}
	kubeconfig := file("good", `{apiVersion: v1, kind: Config, current-context: c,
		clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}], contexts: [{name: c, context: {cluster: c}}]}`)
	empty := file("empty", "")
	for _, test := range []struct {
		name   string
		change func(*Config)
		err    string
	}{
		{"kubeconfig", func(*Config) {}, ""},
		{"no instance", func(c *Config) { c.Instance = "" }, "publish outcomes: instance, log and observer are required"},
		{"no log", func(c *Config) { c.Log = nil }, "publish outcomes: instance, log and observer are required"},
		{"no observer", func(c *Config) { c.Observer = nil }, "publish outcomes: instance, log and observer are required"},
		{"not in a cluster", func(c *Config) { c.Kubeconfig = "" }, "not in a Kubernetes pod, and no kubeconfig is set"},
		{"no file", func(c *Config) { c.Kubeconfig = "/none" }, "read kubeconfig /none: stat /none: no such file or directory"},
		{"empty file", func(c *Config) { c.Kubeconfig = empty }, "read kubeconfig " + empty + ": invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := Config{Kubeconfig: kubeconfig, Instance: "i", Log: slog.New(slog.DiscardHandler), Observer: &counts{}}
			test.change(&c)
			p, err := New(c)
			if test.err == "" {
				require.NoError(t, err)
				p.queue.ShutDown()
				return
			}
			require.EqualError(t, err, test.err)
		})
	}
}

// TestPodWithoutToken runs in a pod whose ServiceAccount token is not mounted.
func TestPodWithoutToken(t *testing.T) {
	if _, err := os.Stat("/var/run/secrets/kubernetes.io/serviceaccount/token"); err == nil {
		t.Skip("this is a pod with a ServiceAccount")
	}
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	_, err := New(Config{Instance: "i", Log: slog.New(slog.DiscardHandler), Observer: &counts{}})
	require.EqualError(t, err, "read the pod's ServiceAccount: open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory")
	require.NotErrorIs(t, err, ErrNotInCluster)
}
