// Package node runs a Kubernetes cluster with one node from Kubernetes' own programs, containerd
// and runc, without Docker and without a registry.
//
// It runs in its own namespaces ([netns.RunAsInit]): processes, mounts and addresses end with the
// test, and nothing of the machine is changed. It does not depend on Gateways or egraft.
package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

// Parts returns the programs that [Start] runs.
func Parts() []parts.Name {
	return append(apiserver.Parts(), parts.Kubectl, parts.ControllerManager, parts.Scheduler, parts.Kubelet, parts.Proxy, parts.Nft,
		parts.Containerd, parts.ContainerdShim, parts.Ctr, parts.Runc, parts.PTPPlugin, parts.LoopbackPlugin, parts.HostLocalPlugin, parts.CoreDNS)
}

const (
	// Name is the name of the node.
	Name = "node"
	// Address is the node's address, for pods and for node ports.
	Address = "172.30.0.10"

	gateway     = "172.30.0.1" // no interface has it: packets for Services need a route
	podNetwork  = "10.244.0.0/24"
	containerdS = "/run/containerd/containerd.sock"
)

// Node is a running cluster.
type Node struct {
	*apiserver.Server

	dir       string
	programs  map[parts.Name]string
	processes []*process.Process
}

// Start starts a cluster in a directory, and returns when pods can be created. The images are
// tarballs that are imported first.
func Start(ctx context.Context, dir string, images ...string) (*Node, error) {
	programs, err := parts.Prepared(Parts()...)
	if err != nil {
		return nil, err
	}
	n := &Node{dir: dir, programs: programs}
	if err := n.start(ctx, images); err != nil {
		return nil, errors.Join(fmt.Errorf("start a node in %s: %w", dir, err), n.Stop())
	}
	return n, nil
}

func (n *Node) start(ctx context.Context, images []string) error {
	if err := errors.Join(n.prepare(), n.link()); err != nil {
		return err
	}
	if err := n.startContainerd(ctx); err != nil {
		return err
	}
	var err error
	if n.Server, err = apiserver.Start(ctx, apiserver.Options{Dir: n.dir, Address: Address}); err != nil {
		return err
	}
	for _, image := range images { // before the first pod asks for them
		if err := n.Import(ctx, image); err != nil {
			return err
		}
	}
	if err := n.startComponents(); err != nil {
		return err
	}
	return n.waitReady(ctx)
}

// prepare creates the mounts, the control groups and the configuration.
func (n *Node) prepare() error {
	for _, directory := range []string{"log", "bin", "cni", "containerd", "opt", "plugins"} {
		if err := os.MkdirAll(filepath.Join(n.dir, directory), 0o755); err != nil {
			return fmt.Errorf("make a directory for the node: %w", err)
		}
	}
	return errors.Join(n.mount(), makeControlGroups(n.controlGroup()), n.configure())
}

// link puts programs that others find by name into one directory.
func (n *Node) link() error {
	for _, name := range []parts.Name{parts.ContainerdShim, parts.Runc, parts.PTPPlugin, parts.LoopbackPlugin, parts.HostLocalPlugin, parts.Nft, parts.Ctr} {
		if err := os.Symlink(n.programs[name], filepath.Join(n.dir, "bin", string(name))); err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	return nil
}

// run starts a component, which can find the linked programs.
func (n *Node) run(name parts.Name, arguments ...string) (*process.Process, error) {
	p := process.New(n.dir, string(name), append([]string{n.programs[name]}, arguments...)...)
	p.Environ = []string{"PATH=" + filepath.Join(n.dir, "bin") + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	n.processes = append(n.processes, p)
	return p, p.Start()
}

// waitReady waits until pods can be created: the node accepts pods, and their ServiceAccount
// exists.
func (n *Node) waitReady(ctx context.Context) error {
	return process.Poll(ctx, "the node to be ready", func(ctx context.Context) error {
		state, err := n.Kubectl.Run(ctx, "get", "node", Name, "--output",
			`jsonpath={.status.conditions[?(@.type=="Ready")].status}/{.spec.taints}`)
		if err == nil && state != "True/" {
			err = fmt.Errorf("ready/taints: %s", state)
		}
		if err != nil {
			return err
		}
		_, err = n.Kubectl.Run(ctx, "get", "serviceaccount", "default")
		return err
	})
}

// Import imports an image from a tarball into containerd.
func (n *Node) Import(ctx context.Context, image string) error {
	out, err := output(ctx, n.programs[parts.Ctr], "--address", containerdS, "--namespace", "k8s.io", "images", "import", image)
	if err != nil {
		return fmt.Errorf("import image %s: %w\n%s", image, err, strings.TrimSpace(out))
	}
	return nil
}

// Tag adds a name to an imported image.
func (n *Node) Tag(ctx context.Context, from, to string) error {
	out, err := output(ctx, n.programs[parts.Ctr], "--address", containerdS, "--namespace", "k8s.io", "images", "tag", from, to)
	if err != nil {
		return fmt.Errorf("tag image %s: %w\n%s", from, err, strings.TrimSpace(out))
	}
	return nil
}

// Run runs a command on the node, which is the caller's machine.
func (n *Node) Run(ctx context.Context, command ...string) (string, error) {
	path := filepath.Join(n.dir, "bin") + ":" + os.Getenv("PATH")
	out, err := output(ctx, "env", append([]string{"PATH=" + path}, command...)...)
	if err != nil {
		return out, fmt.Errorf("%s: %w\n%s", strings.Join(command, " "), err, out)
	}
	return out, nil
}

// Path returns a PATH in which kubectl, ctr and more programs precede those of the machine.
func (n *Node) Path(more ...parts.Name) (string, error) {
	programs, err := parts.Prepared(append(more, parts.Kubectl)...)
	if err != nil {
		return "", err
	}
	for name, program := range programs {
		if err := os.Symlink(program, filepath.Join(n.dir, "bin", string(name))); err != nil {
			return "", fmt.Errorf("link %s: %w", name, err)
		}
	}
	return filepath.Join(n.dir, "bin") + ":" + os.Getenv("PATH"), nil
}

// Stop stops the components. Remaining containers end with the namespaces.
func (n *Node) Stop() error {
	var err error
	for i := len(n.processes) - 1; i >= 0; i-- {
		err = errors.Join(err, n.processes[i].Kill())
	}
	if n.Server != nil {
		err = errors.Join(err, n.Server.Stop())
	}
	return err
}
