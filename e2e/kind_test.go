//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/cluster"
)

// e2e/kind.sh sets these variables for the cluster that it created. All of them are required, since
// kubectl's configuration alone could select a cluster that is in use.
const (
	kindDir     = "EGRAFT_E2E_KIND_DIR"
	kindCluster = "KIND_CLUSTER_NAME"
	kubeconfig  = "KUBECONFIG"
)

// findKind returns the cluster that e2e/kind.sh created.
func findKind(root string) (cluster.Options, func(), error) {
	for _, variable := range []string{kindDir, kindCluster, kubeconfig} {
		if os.Getenv(variable) == "" {
			return cluster.Options{}, nil, fmt.Errorf("%s is not set, which e2e/kind.sh does: run that", variable)
		}
	}
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		return cluster.Options{}, nil, fmt.Errorf("find kubectl: %w", err)
	}
	return cluster.Options{
		Name: string(onKind), Root: root, Dir: os.Getenv(kindDir),
		Kubectl: apiserver.Kubectl{Program: kubectl, Kubeconfig: os.Getenv(kubeconfig)},
		Path:    os.Getenv("PATH"),
		OnNode:  onKindNode,
	}, func() {}, nil
}

// onKindNode runs a command on the node, which is a container.
func onKindNode(ctx context.Context, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"exec", os.Getenv(kindCluster) + "-control-plane"}, command...)...)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, bytes.TrimSpace(problem.Bytes()))
	}
	return out.String(), nil
}

// TestFindKind uses stand-ins for docker and kubectl, so that it runs everywhere.
func TestFindKind(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{
		"docker":  `[ "$3" = fail ] && { echo sorry >&2; exit 3; }; echo "$@"`,
		"kubectl": "",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	t.Setenv("PATH", bin)
	for _, variable := range []string{kindDir, kindCluster, kubeconfig} {
		t.Setenv(variable, "")
	}
	for _, variable := range []string{kindDir, kindCluster, kubeconfig} {
		_, _, err := findKind("/root")
		require.EqualError(t, err, variable+" is not set, which e2e/kind.sh does: run that")
		t.Setenv(variable, "the-"+variable)
	}
	options, stop, err := findKind("/root")
	require.NoError(t, err)
	stop()
	out, err := options.OnNode(t.Context(), "crictl", "ps")
	require.NoError(t, err)
	require.Equal(t, "exec the-KIND_CLUSTER_NAME-control-plane crictl ps\n", out)
	_, err = options.OnNode(t.Context(), "fail")
	require.EqualError(t, err, "fail: exit status 3\nsorry")
	options.OnNode = nil
	require.Equal(t, cluster.Options{
		Name: "kind", Root: "/root", Dir: "the-EGRAFT_E2E_KIND_DIR", Path: bin,
		Kubectl: apiserver.Kubectl{Program: filepath.Join(bin, "kubectl"), Kubeconfig: "the-KUBECONFIG"},
	}, options)
}
