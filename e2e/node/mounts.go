package node

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sysctls are settings of the whole machine that kubelet requires. It gets files that replace them.
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/kubelet/cm/container_manager_linux.go
var sysctls = map[string]string{
	"vm/overcommit_memory": "1",
	"kernel/panic":         "10",
	"kernel/panic_on_oops": "1",
}

// mount gives the node its own /proc, and its own directories for the fixed paths to which
// Kubernetes' components write. It must run in a mount namespace.
func (n *Node) mount() error {
	// These mounts are not visible outside, and containers see kubelet's mounts.
	for _, propagation := range []uintptr{unix.MS_PRIVATE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", unix.MS_REC|propagation, ""); err != nil {
			return fmt.Errorf("separate the mounts of the node: %w", err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	for _, directory := range []string{"/run", "/var/lib", "/var/log"} {
		if err := unix.Mount("tmpfs", directory, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("mount %s: %w", directory, err)
		}
	}
	for _, directory := range []string{"/run/lock", "/run/spire", "/var/log/pods", "/var/log/containers", "/var/lib/kubelet", "/var/lib/cni"} {
		if err := os.MkdirAll(directory, 0o755); err != nil {
			return fmt.Errorf("make a directory of the node: %w", err)
		}
	}
	if err := unix.Sethostname([]byte(Name)); err != nil {
		return fmt.Errorf("set the node's host name: %w", err)
	}
	return n.mountSysctls()
}

func (n *Node) mountSysctls() error {
	for name, value := range sysctls {
		file := filepath.Join(n.dir, filepath.Base(name))
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("write sysctl %s: %w", name, err)
		}
		if err := unix.Mount(file, "/proc/sys/"+name, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount sysctl %s: %w", name, err)
		}
	}
	// This setting belongs to the network namespace.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1\n"), 0o644); err != nil {
		return fmt.Errorf("forward packets of pods: %w", err)
	}
	return nil
}
