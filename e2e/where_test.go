//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/netns"
	"github.com/egraft/egraft/e2e/node"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// where is the kind of environment in which the tests run.
type where string

const (
	// here uses processes on this machine.
	here where = ""
	// onNode uses a cluster of one node that the tests create.
	onNode where = "node"
	// onKind uses a cluster that e2e/kind.sh created.
	onKind where = "kind"
)

// on is the environment of these tests, set by EGRAFT_E2E.
var on = where(os.Getenv("EGRAFT_E2E"))

func (w where) String() string {
	if w == here {
		return "processes on this machine"
	}
	return string(w)
}

// prepare obtains what the tests run. The returned function is never nil.
func (w where) prepare(ctx context.Context) (clean func(failed bool), err error) {
	switch w {
	case here:
		return prepareHere(ctx)
	case onNode:
		return prepareNode(ctx)
	case onKind:
		return func(bool) {}, nil
	default:
		return func(bool) {}, fmt.Errorf("EGRAFT_E2E is %q; it can be %q or %q, or not set", w, onNode, onKind)
	}
}

// run runs the tests in their own namespaces, unless they have a cluster.
func (w where) run(tests func() int) int {
	switch w {
	case onNode:
		return netns.RunAsInit(tests)
	case onKind:
		return tests()
	default:
		return netns.Run(tests)
	}
}

// nodeDir is the variable in which the outer program passes the node's directory to the inner one.
const nodeDir = "EGRAFT_E2E_NODE_DIR"

// prepareNode obtains what the node runs, and packs its images.
func prepareNode(ctx context.Context) (clean func(failed bool), err error) {
	if os.Geteuid() != 0 {
		return func(bool) {}, errors.New("a node needs root: containers have mounts, control groups and devices of the machine")
	}
	dir, err := os.MkdirTemp("", "egraft-node-")
	if err != nil {
		return func(bool) {}, fmt.Errorf("make a directory for the node: %w", err)
	}
	clean = func(failed bool) {
		err := node.Clean(dir)
		if failed {
			kept := dir + "-log"
			err = errors.Join(err, os.Rename(filepath.Join(dir, "log"), kept))
			fmt.Fprintf(os.Stderr, "e2e: the logs of the node are in %s\n", kept)
		}
		if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
			fmt.Fprintf(os.Stderr, "e2e: %v\n", err)
		}
	}
	if err := errors.Join(os.Setenv(nodeDir, dir), prepareNodeIn(ctx, dir)); err != nil {
		return clean, err
	}
	return clean, nil
}

func prepareNodeIn(ctx context.Context, dir string) error {
	store, err := parts.NewStore(os.Stderr)
	if err != nil {
		return err
	}
	wanted := append(node.Parts(), parts.Helm)
	if err := store.Prepare(ctx, append(wanted, cluster.PulledParts()...)...); err != nil {
		return err
	}
	programs, err := parts.Prepared(append(cluster.PulledParts(), parts.Helm)...)
	if err != nil {
		return err
	}
	for _, sub := range []string{"images", "log"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return fmt.Errorf("make a directory for the node: %w", err)
		}
	}
	programs[cluster.PauseProgram], programs[cluster.ImageProgram] = filepath.Join(dir, "pause"), filepath.Join(dir, "image")
	if err := store.BuildCommand(ctx, "./e2e/cmd/pause", programs[cluster.PauseProgram]); err != nil {
		return err
	}
	if err := command(ctx, "go", "-C", "../hack/tools/image", "build", "-o", programs[cluster.ImageProgram], "."); err != nil {
		return err
	}
	if err := cluster.PackPulled(ctx, filepath.Join(dir, "images"), programs); err != nil {
		return err
	}
	if err := cluster.PackageChart(ctx, programs[parts.Helm], filepath.Join(dir, "chart.tgz")); err != nil {
		return err
	}
	if err := store.BuildCommand(ctx, "./cmd/egraft", filepath.Join(dir, "egraft")); err != nil {
		return err
	}
	if err := parts.Remember("egraft", filepath.Join(dir, "egraft")); err != nil {
		return err
	}
	if err := downloadModules(ctx); err != nil {
		return err
	}
	// The page runs this command where nothing can be downloaded, so it must run here first.
	return command(ctx, "make", "-C", "..", "image")
}

func command(ctx context.Context, name string, arguments ...string) error {
	if out, err := exec.CommandContext(ctx, name, arguments...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(arguments, " "), err, out)
	}
	return nil
}

// cluster creates the cluster, or finds an existing one.
func (w where) cluster(ctx context.Context, t *testing.T) (cluster.Options, func(), error) {
	root, err := parts.Root()
	if err != nil {
		return cluster.Options{}, nil, err
	}
	if w == onNode {
		return startNode(ctx, t, root)
	}
	return findKind(root)
}

func startNode(ctx context.Context, t *testing.T, root string) (cluster.Options, func(), error) {
	dir := os.Getenv(nodeDir)
	images, err := filepath.Glob(filepath.Join(dir, "images", "*.tar"))
	if err != nil {
		return cluster.Options{}, nil, err
	}
	n, err := node.Start(ctx, dir, images...)
	if err != nil {
		return cluster.Options{}, nil, err
	}
	stop := func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	}
	options := cluster.Options{Name: string(onNode), Root: root, Dir: dir, Kubectl: n.Kubectl, OnNode: n.Run}
	if options.Path, err = n.Path(parts.Helm, "egraft"); err != nil {
		return options, stop, err
	}
	if err := cluster.TagPulled(ctx, n.Tag); err != nil {
		return options, stop, err
	}
	programs, err := parts.Prepared(parts.Helm)
	if err != nil {
		return options, stop, err
	}
	registry, err := cluster.NewRegistry(ctx, n.PKI, dir, programs[parts.Helm], filepath.Join(dir, "chart.tgz"))
	if err != nil {
		return options, stop, err
	}
	options.Environ = registry.Environ
	return options, func() { stop(); _ = registry.Close() }, nil
}

// needs skips a test that cannot run where these tests run.
func needs(t *testing.T, wanted ...where) {
	t.Helper()
	if !slices.Contains(wanted, on) {
		t.Skipf("needs %s, and this is %s", wanted, on)
	}
}

// onlyDemosParts reports whether only tests with the demo's parts run, while other parts are built:
// hack/testall runs the rest afterwards.
func onlyDemosParts() bool { return os.Getenv("EGRAFT_E2E_PARTS") == "demo" || onlyMatrix() }

// hasAllParts reports whether all parts are there or can be obtained now, unlike the API server while
// the scenarios with SPIRE run.
func hasAllParts() bool { return os.Getenv("EGRAFT_E2E_PARTS") != "spire" && !onlyDemosParts() }

// onlyMatrix reports whether only TestMatrix runs, which does not need the programs of the examples
// either.
func onlyMatrix() bool { return os.Getenv("EGRAFT_E2E_PARTS") == "matrix" }

// needsParts skips a test that needs more parts than the demo, to run later.
func needsParts(t *testing.T, names ...parts.Name) {
	t.Helper()
	if onlyDemosParts() || !hasAllParts() && !slices.Equal(names, spireParts) {
		t.Skipf("later: needs %s", names)
	}
}

var spireParts = []parts.Name{parts.SPIREServer, parts.SPIREAgent}

// needsAuthority is [needsParts] for the parts that issue SVIDs.
func needsAuthority(t *testing.T, mode standalone.SPIFFEMode) {
	t.Helper()
	if mode == standalone.SPIRE {
		needsParts(t, spireParts...)
	}
}
