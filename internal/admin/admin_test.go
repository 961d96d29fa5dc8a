package admin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/admin"
)

func api() *admin.API {
	a := admin.New()
	a.JSON("/api/v1/thing", func(*http.Request) (any, error) { return map[string]int{"version": 1}, nil })
	a.JSON("/api/v1/none", func(*http.Request) (any, error) { return nil, &admin.Error{Status: 404, Message: "no \"such\" thing"} })
	a.JSON("/api/v1/broken", func(*http.Request) (any, error) { return nil, errors.New("broken") })
	a.JSON("/api/v1/func", func(*http.Request) (any, error) { return func() {}, nil })
	return a
}

func ask(method, from, host, path string) (int, string) {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr, r.Host = from, host
	w := httptest.NewRecorder()
	api().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestAnswers(t *testing.T) {
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/api/v1/thing":  {200, "{\"version\":1}\n"},
		"/api/v1/none":   {404, "{\"error\":\"no \\\"such\\\" thing\"}\n"},
		"/api/v1/broken": {500, "{\"error\":\"broken\"}\n"},
		"/api/v1/func":   {500, "{\"error\":\"json: unsupported type: func()\"}\n"},
		"/api/v1/what":   {404, "404 page not found\n"},
	} {
		status, body := ask("GET", "127.0.0.1:1", "127.0.0.1:19110", path)
		require.Equal(t, want.status, status, path)
		require.Equal(t, want.body, body, path)
	}
}

// TestOnlyForThisHost: clients on other hosts only learn how to connect.
func TestOnlyForThisHost(t *testing.T) {
	for _, test := range []struct {
		method, from, host string
		want               int
	}{
		{"GET", "127.0.0.1:1", "127.0.0.1:19110", 200},
		{"HEAD", "127.0.0.1:1", "localhost:8080", 200},
		{"GET", "127.0.0.1:1", "localhost", 200},
		{"GET", "[::1]:1", "[::1]:19110", 200},
		{"GET", "[::1]:1", "[::1]", 200},
		{"GET", "[::ffff:127.0.0.1]:1", "127.0.0.1", 200},
		{"POST", "127.0.0.1:1", "127.0.0.1:19110", 405},
		{"OPTIONS", "127.0.0.1:1", "127.0.0.1:19110", 405},
		{"GET", "10.0.0.1:1", "127.0.0.1:19110", 403},
		{"GET", "127.0.0.6:1", "127.0.0.1:19110", 403},
		{"GET", "[fe80::1%lo]:1", "127.0.0.1", 403},
		{"GET", "@", "127.0.0.1", 403},
		{"GET", "127.0.0.1:1", "rebound.example.com:19110", 403},
		{"GET", "127.0.0.1:1", "localhost.example.com", 403},
		{"GET", "127.0.0.1:1", "10.0.0.1:19110", 403},
		{"GET", "127.0.0.1:1", "", 403},
		{"POST", "10.0.0.1:1", "127.0.0.1", 403},
	} {
		status, body := ask(test.method, test.from, test.host, "/api/v1/thing")
		require.Equal(t, test.want, status, "%v", test)
		if status == 403 {
			require.JSONEq(t, "{\"error\":\"only for this host: use `kubectl port-forward`, and http://127.0.0.1 or http://localhost\"}", body)
		}
	}
}
