package netns

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// switches are the settings with which kernels and distributions disable user namespaces for
// ordinary users, and the value that does so.
var switches = []struct{ path, off, name string }{
	{"/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"},
	{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"},
	{"/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=15000"},
	{"/proc/sys/user/max_net_namespaces", "0", "user.max_net_namespaces=15000"},
}

// explain adds a remedy to the error of a namespace that could not be created.
func explain(err error) error {
	if !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EACCES) {
		return fmt.Errorf("start this program in namespaces of its own: %w", err)
	}
	for _, s := range switches {
		if value, readErr := os.ReadFile(s.path); readErr == nil && strings.TrimSpace(string(value)) == s.off {
			return fmt.Errorf("this system does not let user %d make namespaces: run `sudo sysctl -w %s`, or run this as root: %w",
				os.Geteuid(), s.name, err)
		}
	}
	return fmt.Errorf("user %d may not make namespaces here: run this as root, or in a container with --privileged (or --cap-add=SYS_ADMIN and --security-opt seccomp=unconfined): %w",
		os.Geteuid(), err)
}
