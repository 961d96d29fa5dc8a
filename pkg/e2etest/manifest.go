package e2etest

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Apply passes resources to Envoy Gateway, as one or several YAML documents. It deletes the
// resources of an earlier call with the same name that are not among these. It does not wait: see
// [Env.Until] and [Env.WaitInEffect].
//
// A field that a resource only omits keeps its old value: set it to null.
func (e *Env) Apply(t testing.TB, name, manifests string) {
	t.Helper()
	if name == "" || strings.ContainsAny(name, "/\x00") {
		t.Fatalf("apply: %q is not possible as a name", name)
	}
	ctx, cancel := e.soon(t)
	defer cancel()
	if err := e.real.Apply(ctx, name, manifests); err != nil {
		t.Fatal(err)
	}
}

// ApplyFile is [Env.Apply] for a file. The file's name without directories and extension is the
// name.
func (e *Env) ApplyFile(t testing.TB, path string) {
	t.Helper()
	manifests, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("apply: %v", err)
	}
	base := filepath.Base(path)
	e.Apply(t, strings.TrimSuffix(base, filepath.Ext(base)), string(manifests))
}

// Delete deletes the resources that were applied with a name. It does not wait.
func (e *Env) Delete(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	if err := e.real.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
}

// Route returns an HTTPRoute of the Gateway's listener http, in YAML, with its own backend: Envoy
// sends all requests for the hostname to the server at a URL, such as the URL of an
// [httptest.Server].
//
// [httptest.Server]: https://pkg.go.dev/net/http/httptest#Server
func Route(name, hostname, backend string) string {
	address, port := backend, ""
	if u, err := url.Parse(backend); err == nil && u.Host != "" {
		address, port = u.Hostname(), u.Port()
	}
	return fmt.Sprintf(`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]q, namespace: default}
spec:
  parentRefs: [{name: eg, sectionName: http}]
  hostnames: [%[2]q]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]q}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]q, namespace: default}
spec: {endpoints: [{ip: {address: %[3]q, port: %[4]s}}]}
`, name, hostname, address, port)
}
