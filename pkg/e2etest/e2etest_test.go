package e2etest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// TestMain is like an author's, and also covers machines on which the tests cannot run.
func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "impossible" {
		os.Exit(without(m, errors.New("no namespaces")))
	}
	os.Exit(Main(m, Setup{Package: "../../cmd/egraft"}))
}

// fake is a fake environment.
type fake struct {
	applied  map[string]string
	pages    map[string]string
	explains func(args []string) (string, int)
	listener string
}

func (f *fake) Apply(_ context.Context, name, content string) error {
	f.applied[name] = content
	return nil
}

func (f *fake) Delete(_ context.Context, name string) error {
	delete(f.applied, name)
	return nil
}

func (f *fake) EnvoyAdmin(_ context.Context, path string) ([]byte, error) {
	if page, ok := f.pages[path]; ok {
		return []byte(page), nil
	}
	return nil, fmt.Errorf("no page %s", path)
}

func (f *fake) AdminAddress() (string, error) { return "127.0.0.1:1", nil }

func (f *fake) Log(_ context.Context, name string) ([]byte, error) {
	return []byte("log of " + name), nil
}

func (f *fake) egraft(_ context.Context, args ...string) (stdout, stderr []byte, code int, err error) {
	out, code := f.explains(args)
	return []byte(out), []byte("problem"), code, nil
}

func (f *fake) addresses() (listener, admin string) { return f.listener, "127.0.0.1:8090" }
func (f *fake) configuration() string               { return "/envoy-gateway.yaml" }
func (f *fake) end(testing.TB)                      {}

func newEnv(f *fake) *Env {
	f.applied = map[string]string{}
	return &Env{f, 200 * time.Millisecond}
}

// recorder is a test that can fail without failing the calling test.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper() {}

func (r *recorder) Fatal(args ...any) { r.fail(fmt.Sprint(args...)) }

func (r *recorder) Fatalf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

func (r *recorder) fail(text string) {
	r.failure = text
	panic(r)
}

// failure returns the message with which a step fails.
func failure(t *testing.T, step func(testing.TB)) string {
	t.Helper()
	r := &recorder{TB: t}
	func() {
		defer func() {
			if p := recover(); p != nil && p != any(r) {
				panic(p)
			}
		}()
		step(r)
	}()
	return r.failure
}

func TestApply(t *testing.T) {
	f := &fake{}
	e := newEnv(f)
	file := filepath.Join(t.TempDir(), "policy.v1.yaml")
	require.NoError(t, os.WriteFile(file, []byte("kind: A\n"), 0o600))
	e.ApplyFile(t, file)
	e.Apply(t, "route", "kind: B\n")
	require.Equal(t, map[string]string{"policy.v1": "kind: A\n", "route": "kind: B\n"}, f.applied)
	e.Delete(t, "route")
	require.NotContains(t, f.applied, "route")
	require.Equal(t, `apply: "../x" is not possible as a name`, failure(t, func(t testing.TB) { e.Apply(t, "../x", "") }))
	require.Equal(t, `apply: "" is not possible as a name`, failure(t, func(t testing.TB) { e.Apply(t, "", "") }))
}

func TestRoute(t *testing.T) {
	documents := strings.Split(Route("shop", "shop.example.com", "http://127.0.0.1:3080"), "\n---\n")
	require.Len(t, documents, 2)
	var backend struct {
		Spec struct {
			Endpoints []struct {
				IP struct {
					Address string
					Port    int
				}
			}
		}
	}
	require.NoError(t, yaml.UnmarshalStrict([]byte(documents[1]), &map[string]any{}))
	require.NoError(t, yaml.Unmarshal([]byte(documents[1]), &backend))
	require.Equal(t, "127.0.0.1", backend.Spec.Endpoints[0].IP.Address)
	require.Equal(t, 3080, backend.Spec.Endpoints[0].IP.Port)
}

// TestClient: requests go to the listener, whatever their host, and redirects are not followed.
func TestClient(t *testing.T) {
	var seen []string
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Host+r.URL.Path)
		http.Redirect(w, r, "/other", http.StatusFound)
	}))
	t.Cleanup(gateway.Close)
	e := newEnv(&fake{listener: gateway.Listener.Addr().String()})
	require.Equal(t, http.StatusFound, e.Get(t, "http://shop.example.com/a").Status)
	_, port, err := net.SplitHostPort(gateway.Listener.Addr().String())
	require.NoError(t, err)
	require.Equal(t, http.StatusFound, e.Get(t, "http://pay.example.com:"+port+"/b").Status)
	require.Equal(t, []string{"shop.example.com/a", "pay.example.com:" + port + "/b"}, seen)
}

func TestUntil(t *testing.T) {
	times := 0
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if times++; times < 3 {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, "text\n")
	}))
	t.Cleanup(gateway.Close)
	e := newEnv(&fake{listener: gateway.Listener.Addr().String()})
	e.patience = 10 * time.Second
	require.Equal(t, "200 text", e.Until(t, "http://shop.example.com/", Status(200)).String())
	e.patience = 100 * time.Millisecond
	require.Equal(t, "wait for the response to http://shop.example.com/: timed out after 100ms: the status is not 204; the last response: 200 text",
		failure(t, func(t testing.TB) { e.Until(t, "http://shop.example.com/", Status(204)) }))
}

// report returns what `egraft explain -o json` prints for policies with these states of the last
// stage.
func report(inEffect bool, states ...string) string {
	var policies []string
	for _, state := range states {
		policies = append(policies, fmt.Sprintf(`{"inEffect":%v,"stages":[{"state":"ok"},{"state":%q}]}`, inEffect, state))
	}
	return `{"policies":[` + strings.Join(policies, ",") + `]}`
}

func TestPassed(t *testing.T) {
	require.True(t, passed(report(true, "ok", "warning")))
	for _, r := range []string{report(true), report(true, "ok", "unknown"), report(true, "failed"), report(false, "ok"), "no JSON", `{"policies":[{"inEffect":true}]}`} {
		require.False(t, passed(r), r)
	}
}

func TestWaitInEffect(t *testing.T) {
	times := 0
	var last []string
	f := &fake{explains: func(args []string) (string, int) {
		last = args
		if args[len(args)-1] != "json" {
			return "✘ it is not in effect", 1
		}
		if times++; times < 3 {
			return report(true, "unknown"), 0
		}
		return report(true, "ok"), 0
	}}
	e := newEnv(f)
	e.patience = 10 * time.Second
	e.WaitInEffect(t, "hellopolicy/default/hello")
	require.Equal(t, 3, times)
	require.Equal(t, []string{
		"explain", "--admin-address", "127.0.0.1:8090", "--envoy-gateway-config", "/envoy-gateway.yaml", "--envoy-admin", "127.0.0.1:1",
		"hellopolicy/default/hello", "-o", "json",
	}, last)

	f.explains = func(args []string) (string, int) {
		if args[len(args)-1] == "json" {
			return report(false, "failed"), 1
		}
		return "✘ it is not in effect", 1
	}
	e.patience = 100 * time.Millisecond
	require.Equal(t, "wait for hellopolicy/default/hello to be in effect: timed out after 100ms: ✘ it is not in effect",
		failure(t, func(t testing.TB) { e.WaitInEffect(t, "hellopolicy/default/hello") }))
	f.explains = func([]string) (string, int) { return "", 2 }
	require.Contains(t, failure(t, func(t testing.TB) { e.WaitInEffect(t, "nonsense") }), "-o json: problem")
	require.Contains(t, failure(t, func(t testing.TB) { e.Explain(t, "nonsense") }), "nonsense: problem")
	require.Equal(t, "egraft x: exit code 2: problem", failure(t, func(t testing.TB) { e.Egraft(t, "x") }))
}

func TestDump(t *testing.T) {
	e := newEnv(&fake{pages: map[string]string{
		"/config_dump?resource=dynamic_active_clusters": `{"configs": [{"version_info": "1", "cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
			"name": "a", "connect_timeout": "10s", "newer_than_this": true}}]}`,
		"/config_dump?resource=dynamic_listeners": `{"configs": [{"name": "warms"}, {"active_state": {"listener": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
			"name": "l", "filter_chains": [{"filters": [{"name": "x", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer", "max_request_bytes": 7}}]}]}}}]}`,
		"/config_dump?resource=dynamic_route_configs": `{"configs": [{"route_config": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "r"}}]}`,
		"/stats?filter=update_rejected$":              "cluster_manager.cds.update_rejected: 2\nlistener_manager.lds.update_rejected: 1\n",
	}})
	clusters := e.Clusters(t)
	require.Len(t, clusters, 1)
	require.Equal(t, 10*time.Second, clusters["a"].GetConnectTimeout().AsDuration())
	require.Contains(t, e.Listeners(t), "l")
	require.Contains(t, e.RouteConfigurations(t), "r")
	require.Equal(t, 3, e.Rejected(t))
	require.Equal(t, "no page /x", failure(t, func(t testing.TB) { e.EnvoyAdmin(t, "/x") }))
}

// roleVariable enables the test below.
const roleVariable = "E2ETEST_ROLE"

// TestAuthors is run by [TestLeftOut].
func TestAuthors(t *testing.T) {
	if os.Getenv(roleVariable) == "" {
		t.Skip("is run by others")
	}
	Start(t, Options{})
}

// again runs TestAuthors alone in a new process of this test binary.
func again(t *testing.T, environ ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAuthors$", "-test.v")
	cmd.Env = append(append(os.Environ(), roleVariable+"=1", onVariable+"=", reasonVariable+"="), environ...)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// TestLeftOut: skipped tests print the reason.
func TestLeftOut(t *testing.T) {
	out, code := again(t)
	require.Zero(t, code, out)
	require.Contains(t, out, "needs EGRAFT_E2ETEST=1: it runs on the real Envoy Gateway and Envoy, which take minutes to build the first time")
	require.Contains(t, out, "--- SKIP: TestAuthors")
	out, code = again(t, roleVariable+"=impossible", onVariable+"=1")
	require.Zero(t, code, out)
	require.Contains(t, out, "cannot run here: no namespaces")
	require.Contains(t, out, "--- SKIP: TestAuthors")
	out, code = again(t, roleVariable+"=impossible", onVariable+"="+required)
	require.Equal(t, 1, code, out)
	require.Equal(t, "e2etest: EGRAFT_E2ETEST=required, but the tests cannot run here: no namespaces\n", out)
}
