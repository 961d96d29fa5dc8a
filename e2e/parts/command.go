package parts

import (
	"context"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// interruptTime is the time that a command has to stop its own children and clean up after the
// context has ended.
const interruptTime = 5 * time.Second

// command returns a long-running command. It is interrupted, not killed, when the context ends: the
// go command then stops the compilers that it runs.
func command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = interruptTime
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	return cmd
}

// run runs a command that is interrupted when this process is killed.
func run(cmd *exec.Cmd) error {
	// The death signal is bound to the thread, which therefore must not end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}
