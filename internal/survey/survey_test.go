package survey_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/survey"
)

// answering returns a server with one page.
func answering(t *testing.T, path string, h http.HandlerFunc) survey.Endpoint {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc(path, h)
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	e := survey.Local(strings.TrimPrefix(s.URL, "http://"))
	e.Name = "it"
	return e
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func TestEgraft(t *testing.T) {
	e, err := survey.Egraft(t.Context(), answering(t, "/api/v1/self", text(`{"version": 1, "egraft": "v3", "name": "a lie"}`)))
	require.NoError(t, err)
	require.Equal(t, []string{"v3", "it"}, []string{e.Version, e.Name})
	for want, h := range map[string]http.HandlerFunc{
		"it is not an egraft that supports `egraft doctor`: get /api/v1/self of it: 404 Not Found": http.NotFound,
		"get /api/v1/self of it: unexpected end of JSON input":                                     text(""),
		"ask it: redirected": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example.com/", http.StatusFound)
		},
		"get /api/v1/self of it: more than 67108864 bytes": func(w http.ResponseWriter, _ *http.Request) {
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		_, err := survey.Egraft(t.Context(), answering(t, "/api/v1/self", h))
		require.EqualError(t, err, want)
	}
}

func TestEnvoyGateway(t *testing.T) {
	f := survey.EnvoyGateway(t.Context(), answering(t, "/api/server_info", text(`{"version": "v1.9.1", "envoyGatewayConfig": {"extensionManager": {"name": "x"}}}`)))
	require.True(t, f.Known)
	require.Equal(t, []string{"v1.9.1", "it", "x"}, []string{f.Value.Version, f.Value.Where, f.Value.Managers()[0].Name})
	for want, body := range map[string]string{
		"it does not return its configuration":                                             "{}",
		"get /api/server_info of it: invalid character '<' looking for beginning of value": "<html>",
	} {
		f := survey.EnvoyGateway(t.Context(), answering(t, "/api/server_info", text(body)))
		require.False(t, f.Known)
		require.Equal(t, want, f.Why)
	}
}

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "eg.yaml")
	require.Equal(t, "open "+path+": no such file or directory", survey.File(path).Why)
	require.NoError(t, os.WriteFile(path, []byte("kind: Gateway"), 0o600))
	require.Equal(t, path+`: kind "Gateway" is not EnvoyGateway`, survey.File(path).Why)
	require.NoError(t, os.WriteFile(path, []byte("kind: EnvoyGateway"), 0o600))
	require.True(t, survey.File(path).Known)
}
