// Package process runs programs beside a test and waits for what they do.
//
// Whatever happens to the test, what it started ends with it. It must not know
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

// stopTime is how long a process has between SIGTERM and SIGKILL.
const stopTime = 5 * time.Second

// Process is a program that can be stopped and started again. What it prints
// is appended to a log file. Its methods must not be called concurrently.
type Process struct {
	// Name is what the program is called in errors and file names.
	Name string
	// Log is the path of the log file.
	Log string

	// Environ is its environment beside [Environ].
	Environ []string
	// Root is its root directory, in which its paths are then and it starts, if it is to have
	// one of its own. That needs root, in a user namespace at least.
	Root string

	command []string
	cmd     *exec.Cmd
	exited  chan struct{}
	err     error
}

// New is a program that has not been started. Its log is dir/log/NAME.log; the
// directory has to exist.
func New(dir, name string, command ...string) *Process {
	return &Process{Name: name, Log: LogPath(dir, name), command: command}
}

// LogPath is the path of a log file of a run in a directory.
func LogPath(dir, name string) string { return filepath.Join(dir, "log", name+".log") }

// AddArguments changes how the program is started next.
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
		// The death signal is bound to the thread, which so has to stay.
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

// Environ is the environment for programs: ours without the settings of egraft
// and of the harness.
func Environ() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "EGRAFT_") })
}

// Running says whether the program runs.
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

// Exited is closed when the program that was started last has ended.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// PID is the process ID of the program that runs or ran last.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Freeze stops the program's execution, as a machine without CPU to spare does.
// [Process.Kill] ends it nevertheless.
func (p *Process) Freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return fmt.Errorf("freeze %s: %w", p.Name, err)
	}
	return nil
}

// Stop ends the program with SIGTERM, and with SIGKILL if that takes too long,
// which is an error.
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

// Kill ends the program with SIGKILL and waits until it is gone.
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

// errSuccess is what a program ended with that was not to end.
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

// StopAll stops programs side by side.
func StopAll(processes ...*Process) error {
	errs := make([]error, len(processes))
	var wg sync.WaitGroup
	for i, p := range processes {
		wg.Go(func() { errs[i] = p.Stop() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
