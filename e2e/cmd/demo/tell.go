package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// exited is the exit code of a story that printed the error itself.
type exited int

func (e exited) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// tell runs the story, and interrupts it when the context ends.
func tell(ctx context.Context, program string, stdout, stderr io.Writer, arguments ...string) error {
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, stdout, stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	// Only this program receives signals of the terminal, and it passes them on once.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGINT}
	// The death signal is bound to the thread, which therefore must not end.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	exit := &exec.ExitError{}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return exited(exit.ExitCode())
	case cmd.ProcessState != nil && cmd.ProcessState.Success(): // interrupted, and exited with 0
		return nil
	}
	return fmt.Errorf("tell the story: %w", err)
}
