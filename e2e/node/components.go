package node

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"

	"github.com/egraft/egraft/e2e/parts"
)

// startContainerd starts containerd and waits until it responds.
func (n *Node) startContainerd(ctx context.Context) error {
	if err := makeAddress(); err != nil {
		return err
	}
	p, err := n.run(parts.Containerd, "--config", filepath.Join(n.dir, "containerd.toml"))
	if err != nil {
		return err
	}
	return p.Wait(ctx, "containerd to answer", func(ctx context.Context) error {
		_, err := output(ctx, n.programs[parts.Ctr], "--address", containerdS, "version")
		return err
	})
}

// users are the components that contact the API server, with their groups.
var users = map[parts.Name][]string{
	parts.ControllerManager: {"system:kube-controller-manager"},
	parts.Scheduler:         {"system:kube-scheduler"},
	parts.Proxy:             {"system:kube-proxy"},
	parts.Kubelet:           {"system:node:" + Name, "system:nodes"},
}

// startComponents starts the components that make an API server a cluster.
func (n *Node) startComponents() error {
	clients := map[parts.Name]string{}
	for name, user := range users {
		kubeconfig, err := n.Kubeconfig(string(name), user[0], user[1:]...)
		if err != nil {
			return err
		}
		clients[name] = "--kubeconfig=" + kubeconfig
	}
	if _, err := n.PKI.Server("kubelet-server", []string{Address, "127.0.0.1"}, Name); err != nil {
		return err
	}
	commands := []struct {
		name      parts.Name
		arguments []string
	}{
		{parts.ControllerManager, []string{
			clients[parts.ControllerManager], "--service-account-private-key-file=" + n.TokenKey(), "--root-ca-file=" + n.PKI.CA(),
			"--leader-elect=false", "--bind-address=127.0.0.1", "--use-service-account-credentials=true",
			"--flex-volume-plugin-dir=" + filepath.Join(n.dir, "plugins"), "--kube-api-qps=500", "--kube-api-burst=500",
		}},
		{parts.Scheduler, []string{clients[parts.Scheduler], "--leader-elect=false", "--bind-address=127.0.0.1"}},
		{parts.Kubelet, []string{
			clients[parts.Kubelet], "--config=" + filepath.Join(n.dir, "kubelet.yaml"), "--node-ip=" + Address, "--hostname-override=" + Name,
		}},
		{parts.Proxy, []string{"--config=" + filepath.Join(n.dir, "kube-proxy.yaml")}},
		{parts.CoreDNS, []string{"-conf", filepath.Join(n.dir, "Corefile")}},
	}
	for _, c := range commands {
		if _, err := n.run(c.name, c.arguments...); err != nil {
			return err
		}
	}
	return nil
}

// output runs a command and returns all of its output.
func output(ctx context.Context, command string, arguments ...string) (string, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, command, arguments...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
