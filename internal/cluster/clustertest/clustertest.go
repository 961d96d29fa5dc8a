// Package clustertest runs API servers with canned responses for tests.
//
// It must not be used outside of tests.
package clustertest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// Kubeconfig returns the path of a kubeconfig for an API server that has the responses by path, and
// responds to all other paths with the status other, such as 403. Its namespace is shop.
func Kubeconfig(t testing.TB, answers map[string]string, other int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		answer, found := answers[r.URL.Path]
		if !found {
			w.WriteHeader(other)
			answer = fmt.Sprintf(`{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": %q, "code": %d}`, reasons[other], other)
		}
		_, _ = fmt.Fprint(w, answer)
	}))
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Appendf(nil, `
clusters: [{name: c, cluster: {server: %q}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: shop}}]
users: [{name: u, user: {}}]
current-context: x
`, s.URL)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// reasons are the Kubernetes reasons by status.
var reasons = map[int]string{http.StatusForbidden: "Forbidden", http.StatusNotFound: "NotFound"}
