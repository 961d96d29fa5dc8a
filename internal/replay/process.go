package replay

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/egraft/egraft/internal/extension"
)

// Program is an egraft program to start.
type Program struct {
	Path string
	// Args are its settings, as flags of `egraft serve`.
	Args []string
	Env  []string
}

// Process is an egraft process that serves on a private socket.
type Process struct {
	*extension.Client
	cmd  *exec.Cmd
	conn *grpc.ClientConn
	dir  string
	log  tail
	done chan struct{}
	err  error // why it ended, valid once done is closed
}

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 10 * time.Second
	// connectDelay is the time between attempts to connect until the process serves. The default
	// of gRPC begins with a second.
	connectDelay = 10 * time.Millisecond
)

// Start starts an egraft and waits until it serves. It runs without a cache, so that repeated calls
// are computed again, and writes nothing to Kubernetes.
func Start(ctx context.Context, p Program) (*Process, error) {
	dir, err := os.MkdirTemp("", "egraft-replay-") // only accessible to this user
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "s")
	args := append([]string{"serve"}, p.Args...)
	args = append(args, "--socket", socket, "--admin-address", "off", "--kubernetes-outcomes", "never", "--cache-size", "0", "--log-level", "warn", "--log-format", "text")
	s := &Process{cmd: exec.CommandContext(ctx, p.Path, args...), dir: dir, done: make(chan struct{})}
	s.cmd.Env, s.cmd.Stderr = p.Env, &s.log
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(syscall.SIGTERM) }
	s.cmd.WaitDelay = stopTimeout
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.done)
	}()
	size := math.MaxInt32
	s.conn, err = grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: connectDelay, Multiplier: 1, MaxDelay: connectDelay},
			MinConnectTimeout: startTimeout,
		}),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(size), grpc.MaxCallSendMsgSize(size)))
	if err == nil {
		s.Client = extension.NewClient(s.conn)
		err = s.ready(ctx)
	}
	if err != nil {
		err = fmt.Errorf("start %s: %w", p.Path, err)
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// ready waits until the process serves.
func (s *Process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		s.conn.Connect()
		state := s.conn.GetState()
		if state == connectivity.Ready {
			return nil
		}
		if !s.conn.WaitForStateChange(ctx, state) {
			return s.reason(ctx)
		}
	}
}

// reason returns why a process does not serve.
func (s *Process) reason(ctx context.Context) error {
	select {
	case <-s.done:
		return fmt.Errorf("ended before it served: %w: %s", s.err, s.log.String())
	default:
		return fmt.Errorf("does not serve: %w: %s", context.Cause(ctx), s.log.String())
	}
}

// Log returns the end of the process's log.
func (s *Process) Log() string { return s.log.String() }

// Stop ends the process, gracefully if possible.
func (s *Process) Stop() error {
	if s.conn != nil {
		_ = s.conn.Close() // nothing is lost
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended already
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		_ = s.cmd.Process.Kill()
		<-s.done
	}
	return os.RemoveAll(s.dir)
}

// tail keeps the last part of what is written.
type tail struct {
	mu   sync.Mutex
	text []byte
}

const tailSize = 4 << 10

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if n := len(t.text) - tailSize; n > 0 {
		t.text = append(t.text[:0], t.text[n:]...)
	}
	return len(b), nil
}

// String returns the last part.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.text))
}
