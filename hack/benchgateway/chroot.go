package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// enter becomes a program with a root directory of its own: Envoy Gateway's Kubernetes
// provider looks for certificates in /certs.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/runner/runner.go#L51
func enter(root string, command []string) error {
	if err := unix.Chroot(root); err != nil {
		return fmt.Errorf("make %s the root directory (run this as root): %w", root, err)
	}
	if err := os.Chdir("/"); err != nil {
		return fmt.Errorf("enter the root directory %s: %w", root, err)
	}
	if err := unix.Exec(command[0], command, os.Environ()); err != nil {
		return fmt.Errorf("run %s in %s: %w", command[0], root, err)
	}
	return nil
}
