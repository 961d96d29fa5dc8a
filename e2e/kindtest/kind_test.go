package kindtest

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/parts"
)

const (
	script = "e2e/kind.sh"
	image  = "kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed"
	// imageVariable sets another node image.
	imageVariable = "EGRAFT_KIND_IMAGE"
	mine          = " [egraft-e2e TMP/egraft-kind-X/kubeconfig]"

	create     = "kind create cluster --image " + image + " --wait 3m --retain" + mine
	build      = "make --no-print-directory build" + mine
	test       = "go test -race -tags e2e,grpcnotrace -timeout 40m -count 1 -v ./e2e -run ^TestCluster$" + mine
	tested     = "EGRAFT_E2E=kind EGRAFT_E2E_KIND_DIR=TMP/egraft-kind-X egraft=ROOT/bin"
	exportLogs = "kind export logs TMP/egraft-kind-X/log/kind" + mine
	deleted    = "kind delete cluster" + mine
	logsAre    = "e2e: kind: the logs of the cluster are in TMP/egraft-kind-X/log\n"
)

// checks are the calls with which the script determines whether it can run.
var checks = []string{"docker info", "kind --quiet version", "helm version --template {{.Version}}"}

// until returns the calls before the cluster is created, followed by more.
func until(more ...string) []string {
	return append(append(append([]string{}, checks...), "kind --quiet get clusters"), more...)
}

func TestSuccess(t *testing.T) {
	m := newMachine(t, usual())
	code, s := m.run(script, "-race")
	require.Zero(t, code, s.stderr.String())
	assert.Equal(t, until(create, build, test, tested, deleted), m.called())
	assert.Empty(t, s.stderr.String())
	assert.Empty(t, m.left())
}

func TestFailure(t *testing.T) {
	noLogs := []string{"TMP/egraft-kind-X/log"}
	logs := append(noLogs, "TMP/egraft-kind-X/log/kind")
	tests := []struct {
		name    string
		answers answers
		code    int
		calls   []string
		stderr  string
		left    []string
	}{
		{"no cluster", usual().before("create cluster", "exit 3"), 3, until(create, exportLogs, deleted), logsAre, logs},
		{"no program", usual().with("make", "exit 2"), 2, until(create, build, exportLogs, deleted), logsAre, logs},
		{"scenario", usual().with("go", "exit 1"), 1, until(create, build, test, exportLogs, deleted), logsAre, logs},
		{"no logs either", usual().with("go", "exit 4").before("export logs", "exit 5"), 4, until(create, build, test, exportLogs, deleted), logsAre, noLogs},
		{"cluster stays", usual().before("delete cluster", "exit 6"), 1, until(create, build, test, tested, deleted), "", nil},
		{"failed, and cluster stays", usual().with("go", "exit 7").before("delete cluster", "exit 6"), 7, until(create, build, test, exportLogs, deleted), logsAre, logs},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.answers)
			code, s := m.run(script, "-race")
			assert.Equal(t, tt.code, code)
			assert.Equal(t, tt.calls, m.called())
			assert.Equal(t, tt.stderr, m.plain(s.stderr.String()))
			assert.Equal(t, tt.left, m.left())
		})
	}
}

// TestSignal: a running command ends with the processes that it started, and a signal during the
// cleanup has no effect.
func TestSignal(t *testing.T) {
	const lasting = "sleep 60 &\nwait"
	tests := []struct {
		name    string
		signal  syscall.Signal
		code    int
		answers answers
		last    string
		calls   []string
	}{
		{"SIGINT", syscall.SIGINT, 130, usual().with("go", lasting), test, until(create, build, test, exportLogs, deleted)},
		{"SIGTERM", syscall.SIGTERM, 143, usual().with("go", lasting), test, until(create, build, test, exportLogs, deleted)},
		{"SIGHUP", syscall.SIGHUP, 129, usual().with("go", lasting), test, until(create, build, test, exportLogs, deleted)},
		{"while the cluster is made", syscall.SIGTERM, 143, usual().before("create cluster", lasting), create, until(create, exportLogs, deleted)},
		{
			"twice", syscall.SIGINT, 130,
			usual().with("go", lasting).before("export logs", "kill -INT $PPID; kill -TERM $PPID"),
			test, until(create, build, test, exportLogs, deleted),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.answers)
			s := m.start(script, "-race")
			m.waitCall(tt.last)
			require.NoError(t, s.Process.Signal(tt.signal))
			assert.Equal(t, tt.code, m.end(s))
			assert.Equal(t, tt.calls, m.called())
			assert.Contains(t, m.plain(s.stderr.String()), logsAre)
		})
	}
}

func TestRejection(t *testing.T) {
	tests := []struct {
		name    string
		answers answers
		calls   []string
		stderr  string
	}{
		{"docker is missing", usual().without("docker"), nil, "docker is not installed"},
		{"kind is missing", usual().without("kind"), nil, "kind is not installed"},
		{"kubectl is missing", usual().without("kubectl"), nil, "kubectl is not installed"},
		{"Helm is missing", usual().without("helm"), nil, "helm is not installed"},
		{"no Docker engine", usual().with("docker", "echo no; echo engine >&2; exit 1"), checks[:1], "docker reaches no engine, see `docker info`"},
		{"another kind", usual().with("kind", "echo 0.31.0"), checks[:2], "kind is 0.31.0, and the node image is for 0.33.0: go install sigs.k8s.io/kind@v0.33.0"},
		{"Helm 3", usual().with("helm", "echo v3.19.0"), checks, "helm is v3.19.0, and docs/install.md is for Helm 4"},
		{
			"a cluster of that name", usual().before("--quiet get", "echo other; echo egraft-e2e; exit"), until(),
			"there is a cluster egraft-e2e already; if nobody needs it: kind delete cluster --name egraft-e2e",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t, tt.answers)
			code, s := m.run(script)
			assert.Equal(t, 1, code)
			assert.Equal(t, "e2e: kind: "+tt.stderr+"\n", s.stderr.String())
			assert.ElementsMatch(t, tt.calls, m.called(), "no cluster is made or deleted")
			assert.Empty(t, m.left())
		})
	}
}

func TestCheckMakesNothing(t *testing.T) {
	m := newMachine(t, usual())
	code, s := m.run(script, "check")
	require.Zero(t, code, s.stderr.String())
	assert.Equal(t, checks, m.called())
}

// TestImageOfTheUser: the cluster uses the node image that the user sets.
func TestImageOfTheUser(t *testing.T) {
	t.Setenv(imageVariable, "kindest/node:mine")
	m := newMachine(t, usual())
	code, s := m.run(script)
	require.Zero(t, code, s.stderr.String())
	assert.Contains(t, m.called(), strings.Replace(create, image, "kindest/node:mine", 1))
}

// TestVersionsAreTheSame: the node image has the same Kubernetes version as package node, except
// for the patch version, since kind does not build images for all of them. A node image built here
// has the same versions as well.
func TestVersionsAreTheSame(t *testing.T) {
	read := func(path, line string) string {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		found := regexp.MustCompile(`(?m)^` + line).FindStringSubmatch(string(content))
		require.NotNil(t, found, "%s has no %s", path, line)
		return found[1]
	}
	minor := read("../kind.sh", `image=\$\{EGRAFT_KIND_IMAGE:-kindest/node:(v\d+\.\d+)\.\d+@sha256:[0-9a-f]{64}\}$`)
	require.True(t, strings.HasPrefix(parts.KubernetesVersion, minor+"."), "%s and %s", minor, parts.KubernetesVersion)
	require.Equal(t, "v"+read("../kind.sh", `release=(\S+)`), read("../../hack/tools/kind/go.mod", `\s*sigs.k8s.io/kind (\S+)`))
	for _, module := range []string{"kubernetes", "kubeadm"} {
		require.Equal(t, parts.KubernetesVersion, read("../../hack/tools/"+module+"/go.mod", `(?:require)?\s*k8s.io/kubernetes (\S+)`), module)
	}
}
