// Package netns runs the current program again inside its own network namespace, with only a
// loopback interface, and its own mount namespace.
//
// Envoy Gateway listens on fixed ports on all interfaces. A namespace keeps them off the machine's
// interfaces and permits several runs at the same time. The package needs no root, no `ip` and no
// `unshare`: an ordinary user also gets a user namespace, in which it is root.
//
// The package also ensures that no process outlives the program: see [StopDescendants]. The product
// must not use it.
package netns

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// innerVariable marks the inner program. Its value is the process ID of the outer one.
const innerVariable = "EGRAFT_E2E_NETNS"

// Inside reports whether this is the inner program. On the inside, it returns false once [Run] has
// been called.
func Inside() bool { return os.Getenv(innerVariable) != "" }

// Run calls inner inside its own network namespace and its own mount namespace, in which it can
// mount, and returns inner's result, which the caller passes to os.Exit. Call it first in main or
// TestMain: code before it runs twice.
func Run(inner func() int) int { return run(inner, 0) }

// RunAsInit is [Run] with separate namespaces for processes, host name and IPC as well, which
// requires root. The inner program is process 1 of its namespace: when it ends for any reason, all
// processes in it end.
func RunAsInit(inner func() int) int {
	return run(inner, unix.CLONE_NEWPID|unix.CLONE_NEWUTS|unix.CLONE_NEWIPC)
}

func run(inner func() int, flags uintptr) int {
	if Inside() {
		return runInner(inner)
	}
	code, err := runOuter(flags)
	if err != nil {
		fmt.Fprintf(os.Stderr, "network namespace: %v\n", err)
		return 1
	}
	return code
}

// runInner runs on the inside.
func runInner(inner func() int) int {
	// A child that starts the program again must get its own namespace.
	if err := os.Unsetenv(innerVariable); err != nil {
		fmt.Fprintf(os.Stderr, "network namespace: %v\n", err)
		return 1
	}
	if err := errors.Join(loopbackUp(), keepMounts(), adoptOrphans()); err != nil {
		fmt.Fprintf(os.Stderr, "network namespace: %v\n", err)
		return 1
	}
	code := inner()
	if os.Getpid() != 1 { // otherwise the kernel does it
		StopDescendants()
	}
	return code
}

// keepMounts hides mounts on the inside from the outside.
func keepMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	return nil
}

// runOuter starts the program again on the inside, forwards signals to it, and returns its exit
// code.
func runOuter(flags uintptr) (int, error) {
	// The death signal of the child is bound to the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := adoptOrphans(); err != nil {
		return 0, err
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	cmd, err := start(flags, again)
	if err != nil {
		return 0, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s) // it may have ended already
		}
	}()
	err = cmd.Wait()
	StopDescendants()
	return exitCode(cmd.ProcessState, err)
}

// start first tries what needs the fewest permissions: root needs no user namespace, unless it is
// the root of a container that must not create a namespace.
func start(flags uintptr, program func() (*exec.Cmd, error)) (*exec.Cmd, error) {
	attempts := []bool{true}
	switch {
	case flags != 0:
		attempts = []bool{false}
	case os.Geteuid() == 0:
		attempts = []bool{false, true}
	}
	var err error
	for _, user := range attempts {
		var cmd *exec.Cmd
		if cmd, err = program(); err != nil {
			return nil, err
		}
		isolate(cmd, user, flags)
		if err = cmd.Start(); err == nil {
			return cmd, nil
		}
		if !errors.Is(err, fs.ErrPermission) {
			break
		}
	}
	return nil, explain(err)
}

// Possible tries whether [Run] can create its namespaces here, and returns the reason if not.
func Possible() error {
	runtime.LockOSThread() // as in runOuter
	defer runtime.UnlockOSThread()
	cmd, err := start(0, func() (*exec.Cmd, error) { return exec.Command("true"), nil })
	if err != nil {
		return err
	}
	return cmd.Wait()
}

// again returns a command that runs this program again.
func again() (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program's executable: %w", err)
	}
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Args[0] = os.Args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", innerVariable, os.Getpid()))
	return cmd, nil
}

// isolate gives a program new namespaces.
func isolate(cmd *exec.Cmd, user bool, flags uintptr) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS | flags,
		Pdeathsig:  unix.SIGKILL,
		// Only the outer program receives signals of the terminal, and forwards them: each arrives
		// once.
		Setpgid: true,
	}
	if user {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
}

// exitCode returns the exit code of an ended program, in the form that a shell uses.
func exitCode(state *os.ProcessState, err error) (int, error) {
	if state == nil {
		return 0, fmt.Errorf("wait for the program: %w", err)
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}
