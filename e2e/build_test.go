//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// builtProgram is the program that `egraft build` makes from two modules.
const builtProgram parts.Name = "built"

// TestBuild builds egraft with the features of two modules. It prints the CRDs of both, and both
// are in effect with the real Envoy Gateway and Envoy.
func TestBuild(t *testing.T) {
	needs(t, here)
	dir := buildOfTwo(t)
	for _, file := range []string{
		"crds/egraft.io_bufferpolicies.yaml", "crds/example.com_retrybudgetpolicies.yaml", "crds/example.com_staticdelayfilters.yaml",
		"rbac/egraft.yaml", "kustomize/kustomization.yaml", "egraft.cdx.json", "image.tar",
	} {
		require.FileExists(t, filepath.Join(dir, file))
	}
	require.NoError(t, parts.Remember(builtProgram, filepath.Join(dir, "egraft")))
	crds := printedBy(t, builtProgram, "crds")
	for _, name := range []string{"bufferpolicies.egraft.io", "retrybudgetpolicies.example.com", "staticdelayfilters.example.com"} {
		require.Contains(t, crds, "\n  name: "+name+"\n")
	}

	f := start(t, standalone.Options{Program: builtProgram})
	f.apply("shared", sharedBackend)
	for _, name := range []string{"shop", "pay"} {
		f.apply(name, toShared(name))
		f.until(name+".example.com", "the backend to reject cleartext", envoy.Status(400))
	}
	f.apply("budgets", retryBudgets(t))
	f.untilBudgets(map[string]string{"shop": "httproute/default/shop/rule/0 50 % 10", "pay": "httproute/default/pay/rule/0 20 % 3"})
	const delay, host = 700 * time.Millisecond, "slow.example.com"
	f.delayed(delay, host)
	f.wait("requests to be delayed", func(context.Context) error {
		begin := time.Now()
		if f.get(host, "/slow"); time.Since(begin) < delay {
			return errors.New("a request was not delayed")
		}
		return nil
	})
	f.healthy(f.soon())
}

// buildOfTwo runs `egraft build` with additional flags, and returns its output directory.
func buildOfTwo(t *testing.T, more ...string) string {
	t.Helper()
	root, err := parts.Root()
	require.NoError(t, err)
	dir := t.TempDir()
	const examples = "github.com/egraft/egraft/examples/"
	cmd := exec.CommandContext(t.Context(), "go", append([]string{
		"run", "./cmd/egraft", "build", "--egraft", ".", "--output-dir", dir,
		"--with", examples + "policy-mutator/retrybudget=examples/policy-mutator", "--with", examples + "route-filter/staticdelay=examples/route-filter",
	}, more...)...)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	require.NoError(t, cmd.Run())
	return dir
}

// delayed applies the resources of the README of examples/route-filter, with a backend, and waits
// for a response.
func (f *fixture) delayed(delay time.Duration, host string) {
	f.t.Helper()
	page, err := os.ReadFile("../examples/route-filter/README.md")
	require.NoError(f.t, err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(f.t, example)
	require.Contains(f.t, string(example[1]), "{delay: "+delay.String()+"}")
	backend := f.countingBackend(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "echo") })
	f.route("slow", host, string(example[1])+fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: echo, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, backend.port))
	f.until(host, "a response", envoy.Status(200))
}
