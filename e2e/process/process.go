// Package process runs programs for a test and waits for conditions.
//
// All started processes end with the test, whatever happens to it. The package must not depend on
// what the programs are.
package process

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopTime is the time between SIGTERM and SIGKILL.
const stopTime = 5 * time.Second

// Process is a program that can be stopped and started again. Its output is appended to a log file.
// Its methods must not be called concurrently.
type Process struct {
	// Name is the name of the program in errors and file names.
	Name string
	// Log is the path of the log file.
	Log string

	// Environ is its environment in addition to [Environ].
	Environ []string
	// Root is its root directory, if it has a separate one. Its paths are relative to it, and it
	// starts there. This requires root, at least in a user namespace.
	Root string

	command []string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error
}

// New returns a program that has not been started. Its log is dir/log/NAME.log; the directory must
// exist.
func New(dir, name string, command ...string) *Process {
	return &Process{Name: name, Log: LogPath(dir, name), command: command}
}

// LogPath returns the path of a log file of a run in a directory.
func LogPath(dir, name string) string { return filepath.Join(dir, "log", name+".log") }

// AddArguments adds arguments for the next start.
func (p *Process) AddArguments(arguments ...string) { p.command = append(p.command, arguments...) }

// Start starts the program. It ends with this process, whatever happens.
func (p *Process) Start() error {
	if p.Running() {
		return fmt.Errorf("%s runs already", p.Name)
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of %s: %w", p.Name, err)
	}
	defer log.Close()
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(Environ(), p.Environ...), log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Chroot: p.Root}
	if p.Root != "" {
		cmd.Dir = "/"
	}
	started, exited := make(chan error), make(chan struct{})
	go func() {
		// The death signal is bound to the thread, which therefore must not end.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.cmd, p.exited = cmd, exited
	return nil
}

// Environ returns the environment for programs: this process's, without the settings of egraft and
// of the harness.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "EGRAFT_") })
}

// Running reports whether the program runs.
func (p *Process) Running() bool {
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// Exited is closed when the last started program has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// PID returns the process ID of the running program, or of the last one.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Freeze suspends the program, like a machine without spare CPU time. [Process.Kill] nevertheless
// ends it.
func (p *Process) Freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze %s: %w", p.Name, err)
	}
	return nil
}

// Stop ends the program with SIGTERM. If it does not end in time, Stop uses SIGKILL and returns an
// error.
func (p *Process) Stop() error {
	if !p.Running() {
		return nil
	}
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.Name, err)
	}
	select {
	case <-p.exited:
		return nil
	case <-time.After(stopTime):
		return errors.Join(fmt.Errorf("%s did not stop within %s of SIGTERM", p.Name, stopTime), p.Kill())
	}
}

// Kill ends the program with SIGKILL and waits for its end.
func (p *Process) Kill() error {
	if !p.Running() {
		return nil
	}
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill %s: %w", p.Name, err)
	}
	<-p.exited
	return nil
}

// errSuccess is the exit status of a program that ended unexpectedly with 0.
var errSuccess = errors.New("exit status 0")

// Wait polls until the condition holds, and gives up when the program ends.
func (p *Process) Wait(ctx context.Context, what string, condition func(context.Context) error) error {
	return Poll(ctx, what, func(ctx context.Context) error {
		if !p.Running() {
			return permanent{fmt.Errorf("%s ended (%w), see %s", p.Name, cmp.Or(p.err, errSuccess), p.Log)}
		}
		return condition(ctx)
	})
}

// StopAll stops programs concurrently.
func StopAll(processes ...*Process) error {
	errs := make([]error, len(processes))
	var wg sync.WaitGroup
	for i, p := range processes {
		wg.Go(func() { errs[i] = p.Stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
