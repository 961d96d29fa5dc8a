// Package clustertest makes API servers that answer by path, for tests of what asks one.
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

// Kubeconfig is the path of a kubeconfig for an API server that has the answers, and responds to all other
// paths with a status, such as 403. Its namespace is shop.
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

// reasons are Kubernetes' words for a status.
var reasons = map[int]string{http.StatusForbidden: "Forbidden", http.StatusNotFound: "NotFound"}
