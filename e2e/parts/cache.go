package parts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is the interval of attempts to get a lock that another process has.
const lockPoll = 100 * time.Millisecond

// key is the hash of everything on which the content of a part depends.
func (s *Store) key(ctx context.Context, r recipe) (string, error) {
	sum := sha256.New()
	for _, pin := range r.pins {
		path := filepath.Join(s.root, "hack", "tools", r.module, pin)
		content, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("read what pins its version: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s\n", pin, len(content), content)
	}
	fmt.Fprintf(sum, "%s/%s %q\n", runtime.GOOS, runtime.GOARCH, r.method)
	if slices.ContainsFunc(r.needs, func(n need) bool { return n.name == golang.name }) {
		version, err := exec.CommandContext(ctx, "go", "version").Output()
		if err != nil {
			return "", missing(golang, err)
		}
		sum.Write(version)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))[:20], nil
}

// cached returns the binary in a directory that exists only when it is complete.
func (s *Store) cached(ctx context.Context, name Name, r recipe, dir string) (string, error) {
	binary := filepath.Join(dir, string(name))
	if _, err := os.Stat(binary); err == nil {
		return binary, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make a directory for it: %w", err)
	}
	unlock, err := s.lock(ctx, name, filepath.Join(filepath.Dir(dir), "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(binary); err == nil {
		return binary, nil // another process has built it
	}
	if err := check(ctx, r.needs); err != nil {
		return "", err
	}
	return binary, s.build(ctx, name, r, dir)
}

// build builds a part next to its destination, and moves it there when complete. The caller holds
// the lock, so any existing files are left from a process that was killed.
func (s *Store) build(ctx context.Context, name Name, r recipe, dir string) error {
	work := filepath.Join(filepath.Dir(dir), "making")
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("remove what an earlier try left: %w", err)
	}
	if err := os.Mkdir(work, 0o755); err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	defer os.RemoveAll(work)
	out := filepath.Join(work, "out")
	if err := os.Mkdir(out, 0o755); err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	var log bytes.Buffer
	module := filepath.Join(s.root, "hack", "tools", r.module)
	task, done := s.tell(name, r.lasts)
	err := r.make(ctx, job{module: module, work: work, log: &log, task: task, nice: s.nice}, filepath.Join(out, string(name)))
	done(err)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, bytes.TrimSpace(log.Bytes()))
	}
	if err := os.Rename(out, dir); err != nil {
		return fmt.Errorf("put it in its place: %w", err)
	}
	return nil
}

// lock prevents two processes from building the same part.
func (s *Store) lock(ctx context.Context, name Name, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open its lock: %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for told := false; ; told = true {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
		}
		if !told {
			s.progress.Say("%s: another process is making it; waiting", name)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-ticker.C:
		}
	}
}
