// Package deploy checks the manifests in this folder without a cluster: that they match what egraft
// expects, that they grant what is needed and no more, and that duplicates are equal. It must not
// need kubectl or Helm, which e2e/chart tests.
package deploy

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/resid"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"
)

// beEgraft makes this test binary run as egraft.
const beEgraft = "BE_EGRAFT"

func TestMain(m *testing.M) {
	if os.Getenv(beEgraft) != "" {
		os.Exit(cli.Main(catalog.Builtin))
	}
	os.Exit(m.Run())
}

// egraft runs a command of egraft and returns its output.
func egraft(t *testing.T, args ...string) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), beEgraft+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "egraft %s\n%s", strings.Join(args, " "), stderr.String())
	return string(out)
}

// plain is the part of Envoy Gateway's Deployment that the component concerns.
const plain = `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: envoy-gateway
  namespace: gateways
spec:
  template:
    spec:
      serviceAccountName: envoy-gateway
      terminationGracePeriodSeconds: 10
      containers:
        - name: envoy-gateway
          image: docker.io/envoyproxy/gateway:v1.9.1
          volumeMounts:
            - name: certs
              mountPath: /certs
      volumes:
        - name: certs
          secret:
            secretName: envoy-gateway
---
apiVersion: batch/v1
kind: Job
metadata:
  name: certgen
  namespace: gateways
`

// build builds a folder as kubectl does. For folders that need a rendered chart, it adds one, and
// uncomments the given lines of the overlay.
func build(t *testing.T, folder string, commentedIn ...string) resmap.ResMap {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(".")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "chart", "envoy-gateway.yaml"), []byte(plain), 0o600))
	overlay := filepath.Join(dir, "chart", "kustomization.yaml")
	for _, line := range commentedIn {
		before := read(t, overlay)
		require.Contains(t, before, "# "+line)
		require.NoError(t, os.WriteFile(overlay, []byte(strings.Replace(before, "# "+line, line, 1)), 0o600))
	}
	out, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(dir, folder))
	require.NoError(t, err)
	return out
}

// object returns the object of a kind and name, in its own type. Fields that the type does not have
// are errors.
func object[T any](t *testing.T, from resmap.ResMap, kind, name string) *T {
	t.Helper()
	found := from.GetMatchingResourcesByCurrentId(func(id resid.ResId) bool { return id.Kind == kind && id.Name == name })
	require.Len(t, found, 1, "%s %s", kind, name)
	text, err := found[0].AsYAML()
	require.NoError(t, err)
	return decode[T](t, text)
}

func decode[T any](t *testing.T, text []byte) *T {
	t.Helper()
	out := new(T)
	require.NoError(t, yaml.UnmarshalStrict(text, out))
	return out
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(text)
}

// gateway returns Envoy Gateway's Deployment with egraft in its pod.
func gateway(t *testing.T, commentedIn ...string) *appsv1.Deployment {
	t.Helper()
	return object[appsv1.Deployment](t, build(t, "chart", commentedIn...), "Deployment", "envoy-gateway")
}

// subject returns the subject to which a role is bound.
func subject(t *testing.T, from resmap.ResMap, role string) rbacv1.Subject {
	t.Helper()
	binding := object[rbacv1.ClusterRoleBinding](t, from, "ClusterRoleBinding", role)
	require.Equal(t, rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}, binding.RoleRef)
	require.Len(t, binding.Subjects, 1)
	return binding.Subjects[0]
}
