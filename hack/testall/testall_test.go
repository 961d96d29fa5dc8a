package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fake maps the prefix of a command to its output and error.
type fake struct {
	mu     sync.Mutex
	ran    []string
	prints map[string]string
	fails  map[string]error
}

func (f *fake) command(_ context.Context, c call) error {
	line := strings.Join(append(slices.Clone(c.environ), c.args...), " ")
	if c.dir != "" && c.dir != "." {
		line = c.dir + ": " + line
	}
	f.mu.Lock()
	f.ran = append(f.ran, line)
	f.mu.Unlock()
	if c.errs != nil {
		fmt.Fprintln(c.errs, "go: downloading golang.org/x/sys v0.49.0")
	}
	for prefix, text := range f.prints {
		if strings.Contains(line, prefix) {
			fmt.Fprint(c.out, text)
		}
	}
	for prefix, err := range f.fails {
		if strings.Contains(line, prefix) {
			return err
		}
	}
	return nil
}

func (f *fake) tests() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.ran), func(line string) bool { return strings.Contains(line, "cmd/parts") })
}

func newAll(t *testing.T, f *fake) (*all, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	a, err := parse([]string{"-modules", ". examples/policy-mutator", "-parts", "envoy envoy-gateway spire", "-then", "make alerts", "--", "-race"}, &locked{out: out})
	require.NoError(t, err)
	a.command, a.newDir = f.command, func(string, string) (string, error) { return "/nonexistent/built", nil }
	return a, out
}

// locked is a writer for the build of parts and for the tests.
type locked struct {
	mu  sync.Mutex
	out io.Writer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

func TestAtOnceWhereAllPartsAreThere(t *testing.T) {
	f := &fake{}
	a, _ := newAll(t, f)
	missing, err := a.missing(t.Context())
	require.NoError(t, err)
	require.Empty(t, missing)
	require.NoError(t, a.atOnce(t.Context()))
	assert.Equal(t, []string{
		"EGRAFT_E2E_SCENARIOS=core EGRAFT_E2ETEST=required go test -json -timeout 60m -race -tags e2e,grpcnotrace ./...",
		"examples/policy-mutator: EGRAFT_E2E_SCENARIOS=core EGRAFT_E2ETEST=required go test -json -timeout 60m -race -tags e2e,grpcnotrace ./...",
		"make alerts",
	}, f.tests())
}

func TestWhole(t *testing.T) {
	f := &fake{}
	a, _ := newAll(t, f)
	a.whole, a.results.whole = true, true
	require.NoError(t, a.atOnce(t.Context()))
	assert.Contains(t, f.tests(), "EGRAFT_E2ETEST=required go test -json -timeout 60m -race -tags e2e,grpcnotrace ./...")
	var summary bytes.Buffer
	a.results.summary(&summary, time.Second)
	assert.Contains(t, summary.String(), "  not here  clusters (")
}

// TestInOrderWhereSomeAreMissing: tests that need no parts run first, and postponed tests run once.
func TestInOrderWhereSomeAreMissing(t *testing.T) {
	f := &fake{prints: map[string]string{
		"-missing":                            "spire-server\nspire-agent\n",
		"test -json -timeout 60m -race ./...": skipped("TestOnEnvoy", onEnvoyOnly+": why"),
		"-yield":                              "envoy /path/envoy\nspire-server: obtaining it, once\nenvoy-gateway /path/eg\nspire-server /path/server\n",
		"PARTS=demo": skipped("TestSVIDs/spire", "later: needs [spire-server]") + skipped("TestRules", "later: needs [kube-apiserver]") +
			skipped("TestOwners", "later: needs [kube-apiserver]") + skipped("TestCluster", "needs [node kind], and this is processes on this machine"),
	}}
	a, out := newAll(t, f)
	missing, err := a.missing(t.Context())
	require.NoError(t, err)
	require.NoError(t, a.inOrder(t.Context(), missing))
	assert.Equal(t, []string{
		"go test -json -timeout 60m -race ./...",
		"examples/policy-mutator: go test -json -timeout 60m -race ./...",
		"go test -json -timeout 60m -race -tags e2e,grpcnotrace ./deploy ./e2e/chart ./hack/charts ./internal/page",
		"EGRAFT_E2ETEST=required go test -json -timeout 60m -race ./pkg/e2etest",
		"examples/policy-mutator: EGRAFT_E2ETEST=required go test -json -timeout 60m -race .",
		"EGRAFT_E2E_SCENARIOS=core EGRAFT_E2E_PARTS=demo EGRAFT_E2E_BUILD=/nonexistent/built go test -json -timeout 60m -race -tags e2e,grpcnotrace ./e2e",
		"EGRAFT_E2E_PARTS=spire EGRAFT_E2E_BUILD=/nonexistent/built go test -json -timeout 60m -race -tags e2e,grpcnotrace -run ^(TestSVIDs)$/^spire$ ./e2e",
		"EGRAFT_E2E_BUILD=/nonexistent/built go test -json -timeout 60m -race -tags e2e,grpcnotrace -run ^(TestRules|TestOwners)$ ./e2e",
		"make alerts",
	}, f.tests())
	var summary bytes.Buffer
	a.results.summary(&summary, 61*time.Second)
	assert.Equal(t, "\nsummary, after 1m1s\n  passed    0 tests in 0 packages, and make alerts\n"+
		"  left out  TestCluster: needs [node kind], and this is processes on this machine\n"+
		"  not here  the other scenarios, the tests of the alert rules and the race detector (make test WHOLE=1), clusters (make e2e-node, make e2e-kind), fuzzing (make fuzz)\n", summary.String())
	assert.Contains(t, out.String(), "run first, while they are built: spire-server, spire-agent\n")
}

// TestBuildPrintsAll: everything that the build of parts prints appears before its end, including
// long lines.
func TestBuildPrintsAll(t *testing.T) {
	for range 100 {
		f := &fake{prints: map[string]string{"-yield": "spire-server /path\n" + strings.Repeat("x", 100_000) + "\nlast\n"}}
		a, out := newAll(t, f)
		require.NoError(t, a.build(t.Context()).wait())
		require.True(t, strings.HasSuffix(out.String(), "x\nlast\n"))
	}
}

// TestScenariosRunAsSoonAsTheirPartsExist: SPIRE's run while the API server is being built, and are
// listed in the summary if its build fails before.
func TestScenariosRunAsSoonAsTheirPartsExist(t *testing.T) {
	b := &building{obtained: map[string]bool{}}
	b.progress = sync.NewCond(&b.mu)
	server, spire := group{needs: []string{"kube-apiserver", "etcd"}}, group{needs: []string{"spire-server"}}
	go b.note(func() { b.obtained["etcd"], b.obtained["spire-server"] = true, true })
	i, ok := b.first(server, spire)
	require.True(t, ok)
	require.Equal(t, 1, i)
	go b.note(func() { b.obtained["kube-apiserver"] = true })
	i, ok = b.first(server)
	require.True(t, ok)
	require.Zero(t, i)

	bad := errors.New("exit status 1")
	f := &fake{fails: map[string]error{"-yield": bad}, prints: map[string]string{
		"-yield":     "envoy /p\nenvoy-gateway /p\nspire-server /p\n",
		"PARTS=demo": skipped("TestSVIDs/spire", "later: needs [spire-server]") + skipped("TestRules", "later: needs [kube-apiserver]"),
	}}
	a, _ := newAll(t, f)
	require.ErrorIs(t, a.inOrder(t.Context(), []string{"spire-server"}), bad)
	require.Contains(t, strings.Join(f.tests(), "\n"), "^(TestSVIDs)$/^spire$")
	require.NotContains(t, strings.Join(f.tests(), "\n"), "TestRules")
	var summary bytes.Buffer
	a.results.summary(&summary, time.Second)
	require.Contains(t, summary.String(), "  left out  TestRules: needs [kube-apiserver]\n")
}

func skipped(test, reason string) string {
	return fmt.Sprintf(`{"Action":"output","Package":"p","Test":%q,"Output":"    a_test.go:3: %s\n"}`+"\n"+`{"Action":"skip","Package":"p","Test":%q}`+"\n", test, reason, test)
}

func TestEachFailureCounts(t *testing.T) {
	bad := errors.New("exit status 1")
	for name, failing := range map[string]string{
		"unit": "-race ./...", "module": "examples/policy-mutator: ", "scenarios": "PARTS=demo", "others": "./deploy", "parts": "-yield", "alerts": "make alerts",
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{fails: map[string]error{failing: bad}, prints: map[string]string{"-yield": "envoy /p\nenvoy-gateway /p\n"}}
			a, _ := newAll(t, f)
			assert.ErrorIs(t, a.inOrder(t.Context(), []string{"spire-server"}), bad)
			if name != "parts" {
				assert.Contains(t, f.tests(), "make alerts", "the rest runs even so")
			}
		})
	}
	f := &fake{fails: map[string]error{"examples/policy-mutator": bad}}
	a, _ := newAll(t, f)
	assert.ErrorIs(t, a.atOnce(t.Context()), bad)
}

func TestScenariosAreLeftOutWithoutTheDemosParts(t *testing.T) {
	bad := errors.New("exit status 1")
	f := &fake{fails: map[string]error{"-yield": bad}, prints: map[string]string{"-yield": "envoy /p\n"}}
	a, _ := newAll(t, f)
	assert.ErrorIs(t, a.inOrder(t.Context(), []string{"envoy-gateway"}), bad)
	assert.NotContains(t, strings.Join(f.tests(), "\n"), "PARTS=demo")
}

func TestEventsAreShownAsGoTestShowsThem(t *testing.T) {
	var out bytes.Buffer
	e := &events{results: newResults(), out: &out}
	for _, line := range []string{
		`{"Action":"build-output","ImportPath":"q","Output":"q.go:1: undefined\n"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestA"}`,
		`{"Action":"output","Package":"p","Test":"TestB","Output":"    b_test.go:1: wrong\n"}`,
		`{"Action":"fail","Package":"p","Test":"TestB"}`,
		`{"Action":"output","Package":"p","Test":"TestC","Output":"panic: oh\n"}`,
		`{"Action":"output","Package":"p","Output":"FAIL\tp\t0.1s\n"}`,
		`{"Action":"fail","Package":"p"}`,
		`{"Action":"output","Package":"r","Output":"PASS\n"}`,
		`{"Action":"output","Package":"r","Output":"ok  \tr\t0.1s\n"}`,
		`{"Action":"pass","Package":"r"}`,
		`{"Action":"fail","Package":"q"}`,
		`not JSON`,
	} {
		_, err := e.Write([]byte(line + "\n"))
		require.NoError(t, err)
	}
	e.end()
	assert.Equal(t, "q.go:1: undefined\n    b_test.go:1: wrong\nFAIL\tp\t0.1s\npanic: oh\nok  \tr\t0.1s\nnot JSON\n", out.String())
	out.Reset()
	e.results.skipped["no network"] = []string{"A", "B", "C", "D"}
	e.results.summary(&out, time.Second)
	assert.Equal(t, "\nsummary, after 1s\n  passed    1 tests in 1 packages\n  FAILED    p TestB\n  FAILED    q (as a whole)\n"+
		"  left out  A, B, C and 1 more: no network\n  not here  the other scenarios, the tests of the alert rules and the race detector (make test WHOLE=1), clusters (make e2e-node, make e2e-kind), fuzzing (make fuzz)\n", out.String())
}

func TestReasonOf(t *testing.T) {
	assert.Equal(t, "needs root", reasonOf("=== RUN   TestA\n    a_test.go:12: needs root\n--- SKIP: TestA (0.00s)\n"))
	assert.Equal(t, "no reason given", reasonOf("--- SKIP: TestA (0.00s)\n"))
}

func TestUsage(t *testing.T) {
	var stdout, stderr bytes.Buffer
	assert.Equal(t, 2, run(t.Context(), nil, &stdout, &stderr))
	assert.Equal(t, "testall: name modules and parts\n\n"+usage, stderr.String())
}

// TestOnEnvoyPackages: onEnvoy lists all packages with tests of pkg/e2etest, which are skipped with
// this reason.
func TestOnEnvoyPackages(t *testing.T) {
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("func TestMain(")) && bytes.Contains(content, []byte("Main(m, ")) {
			dir, err := filepath.Rel("../..", filepath.Dir(path))
			require.NoError(t, err)
			if strings.HasPrefix(dir, "examples/") {
				found[dir] = "."
			} else {
				found["."] = "./" + dir
			}
		}
		return err
	}))
	assert.Equal(t, onEnvoy, found)
	harness, err := os.ReadFile("../../pkg/e2etest/e2etest.go")
	require.NoError(t, err)
	variable := strings.TrimSuffix(strings.TrimPrefix(onEnvoyOnly, "needs "), "=1")
	assert.Contains(t, string(harness), `t.Skipf("needs %s=1: `)
	assert.Contains(t, string(harness), `onVariable, required = "`+variable+`", "required"`)
}

// TestTagged: tagged lists all packages with tests that the build tag adds.
func TestTagged(t *testing.T) {
	found := map[string]bool{}
	require.NoError(t, filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.HasPrefix(content, []byte("//go:build e2e\n")) {
			found["./"+filepath.ToSlash(filepath.Dir(strings.TrimPrefix(path, "../../")))] = true
		}
		return err
	}))
	for _, pkg := range tagged {
		assert.True(t, found[pkg], pkg)
		delete(found, pkg)
	}
	assert.Empty(t, found)
}
