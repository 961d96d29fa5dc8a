package cluster

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// server returns an API server that has responses by path and query, like
// /api/v1/pods?labelSelector=a, and forbids everything else.
func server(t *testing.T, answers map[string]any) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		key := r.URL.Path
		if l := r.URL.Query().Get("labelSelector"); l != "" {
			key += "?" + l
		}
		answer, found := answers[key]
		if !found {
			answer = status(http.StatusNotFound, metav1.StatusReasonNotFound)
		}
		if s, ok := answer.(*metav1.Status); ok {
			w.WriteHeader(int(s.Code))
		}
		_ = json.NewEncoder(w).Encode(answer)
	}))
	t.Cleanup(s.Close)
	return s
}

func status(code int32, reason metav1.StatusReason) *metav1.Status {
	return &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: "Failure", Code: code, Reason: reason}
}

func at(t *testing.T, cfg Config, s *httptest.Server) *Cluster {
	t.Helper()
	c, err := open(cfg, &rest.Config{Host: s.URL}, "default")
	require.NoError(t, err)
	return c
}

// list returns a list of YAML documents.
func list(t *testing.T, documents string) map[string]any {
	t.Helper()
	items := []any{}
	for _, d := range strings.Split(documents, "---\n") {
		var o map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(d), &o))
		if o != nil {
			o["apiVersion"], o["kind"] = "v1", "Pod"
			items = append(items, o)
		}
	}
	return map[string]any{"apiVersion": "v1", "kind": "PodList", "items": items}
}
