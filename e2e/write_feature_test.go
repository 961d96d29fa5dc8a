//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// writtenProgram is the program that the commands of docs/write-a-feature.md build.
const writtenProgram parts.Name = "written"

// gatewayManifest replaces Envoy Gateway's chart as rendered by Helm.
const gatewayManifest = `
apiVersion: v1
kind: ServiceAccount
metadata: {name: envoy-gateway, namespace: envoy-gateway-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: envoy-gateway, namespace: envoy-gateway-system}
spec:
  selector: {matchLabels: {control-plane: envoy-gateway}}
  template:
    metadata: {labels: {control-plane: envoy-gateway}}
    spec:
      serviceAccountName: envoy-gateway
      containers: [{name: envoy-gateway, image: "docker.io/envoyproxy/gateway:v1.9.1"}]
`

// TestWriteAFeature runs the commands of docs/write-a-feature.md, those for a cluster on an API
// server. The resulting program adds the policy's header to responses of the real Envoy.
func TestWriteAFeature(t *testing.T) {
	needsKubectl(t)
	server := startServer(t)
	page := readPage(t)
	w := newWriter(t)
	for _, command := range page.commands {
		switch program, rest, _ := strings.Cut(command, " "); program {
		case "kind": // there is no kind cluster here
		case "helm":
			w.write("envoy-gateway.yaml", gatewayManifest)
			w.write("kustomization.yaml", page.yaml[0])
		case "kubectl":
			arguments := strings.Fields(rest)
			for i, a := range arguments {
				if i > 0 && arguments[i-1] == "-k" {
					arguments[i] = filepath.Join(w.dir, a)
				}
			}
			_, err := server.Kubectl.Run(t.Context(), arguments...)
			require.NoError(t, err, command)
		default:
			w.run(command)
		}
	}
	for _, kind := range []string{"hellopolicies.example.com", "retrybudgetpolicies.example.com"} {
		require.Contains(t, w.run("dist/egraft config crds"), "\n  name: "+kind+"\n")
	}
	_, err := server.Kubectl.Run(t.Context(), "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
	require.NoError(t, err)
	require.NoError(t, server.Kubectl.Apply(t.Context(), page.yaml[1], "--dry-run=server"))
	sidecar, err := server.Kubectl.Run(t.Context(), "get", "deployment", "envoy-gateway", "--namespace", "envoy-gateway-system",
		"--output", "jsonpath={.spec.template.spec.initContainers[0].image} {.spec.template.spec.initContainers[0].startupProbe.exec.command[0]}")
	require.NoError(t, err)
	require.Equal(t, "registry.example/egraft:dev /egraft", sidecar)
	w.serve(page.yaml[1])
}

// TestNewFilter: the tests in the output of `egraft new filter` pass, including the one on the real
// Envoy.
func TestNewFilter(t *testing.T) {
	w := newWriter(t)
	w.run("egraft new filter delay --module example.com/delay --group example.com")
	w.run("cd delay")
	w.run("make test")
	require.Contains(t, w.run("make e2e"), "--- PASS: TestOnEnvoy")
}

// featurePage is the commands and resources of the page.
type featurePage struct{ commands, yaml []string }

func readPage(t *testing.T) (p featurePage) {
	t.Helper()
	text, err := os.ReadFile("../docs/write-a-feature.md")
	require.NoError(t, err)
	for _, block := range regexp.MustCompile("(?s)```(console|yaml)\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		if block[1] == "yaml" {
			p.yaml = append(p.yaml, block[2])
			continue
		}
		for line := range strings.Lines(block[2]) {
			command, found := strings.CutPrefix(strings.TrimSpace(line), "$ ")
			require.True(t, found, line)
			p.commands = append(p.commands, command)
		}
	}
	require.Len(t, p.yaml, 2)
	require.Greater(t, len(p.commands), 10)
	return p
}

// writer is a reader of the page who runs its commands.
type writer struct {
	t             *testing.T
	dir, path     string
	controllerGen string
}

// newWriter returns a writer with a program egraft that uses egraft's source from this checkout,
// since there is no release, and with this repository's controller-gen, since there is no network.
func newWriter(t *testing.T) *writer {
	t.Helper()
	root, err := parts.Root()
	require.NoError(t, err)
	above := t.TempDir()
	bin := filepath.Join(above, "bin")
	require.NoError(t, os.Mkdir(bin, 0o755))
	require.NoError(t, os.Symlink(filepath.Join(root, "examples/policy-mutator"), filepath.Join(above, "policy-mutator")))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin+"/released", "../cmd/egraft").CombinedOutput()
	require.NoError(t, err, "%s", out)
	script := fmt.Sprintf("#!/bin/sh\nexec %s/released \"$@\" --egraft %s\n", bin, root)
	require.NoError(t, os.WriteFile(bin+"/egraft", []byte(script), 0o755))
	return &writer{t, above, bin + ":" + os.Getenv("PATH"), filepath.Join(root, "hack/tool.sh") + " controller-gen"}
}

// run runs a command of the page, and keeps its working directory.
func (w *writer) run(command string) string {
	w.t.Helper()
	if to, found := strings.CutPrefix(command, "cd "); found {
		w.dir = filepath.Join(w.dir, to)
		return ""
	}
	cmd := exec.CommandContext(w.t.Context(), "bash", "-c", command)
	cmd.Dir, cmd.Env = w.dir, append(os.Environ(), "PATH="+w.path, "CONTROLLER_GEN="+w.controllerGen)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	require.NoError(w.t, err, command)
	return string(out)
}

func (w *writer) write(name, text string) {
	w.t.Helper()
	require.NoError(w.t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
}

// serve runs the program with the real Envoy Gateway and Envoy, and a policy of the page.
func (w *writer) serve(policy string) {
	t := w.t
	t.Helper()
	require.NoError(t, parts.Remember(writtenProgram, filepath.Join(w.dir, "dist/egraft")))
	f := start(t, standalone.Options{Program: writtenProgram})
	f.apply("shared", sharedBackend)
	f.apply("shop", toShared("shop"))
	const host = "shop.example.com"
	f.until(host, "the backend to reject cleartext", envoy.Status(400))
	require.Empty(t, f.get(host, "/").Header.Get("x-hello"))
	f.apply("hello", policy)
	f.wait("the header", func(context.Context) error {
		if got := f.get(host, "/").Header.Get("x-hello"); got != "hello" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	f.logged("egraft", "HelloPolicy default/hello: responses carry x-hello: hello; routes: 1")
	f.healthy(f.soon())
}
