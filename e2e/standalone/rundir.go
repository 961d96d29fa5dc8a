package standalone

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// longestRunDir leaves room for the names of sockets below it: the path of a Unix socket has at
// most 107 bytes.
const longestRunDir = 60

// newRunDir creates a directory for one environment.
func newRunDir() (string, error) {
	parent := os.TempDir()
	if len(parent) > longestRunDir {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "egraft-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the environment: %w", err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return "", fmt.Errorf("resolve the directory of the environment: %w", err)
	}
	for _, sub := range []string{"res", "cfg", "data", "state", "rt", "bin", "log", "run"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return "", fmt.Errorf("make a directory for the environment: %w", err)
		}
	}
	return dir, nil
}

// place puts a program at its own path, which gives it its own identity. A symbolic link would not,
// since the kernel shows its target.
func place(program, path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("place %s: %w", program, err)
	}
	err := os.Link(program, path)
	if errors.Is(err, syscall.EXDEV) || errors.Is(err, os.ErrPermission) {
		err = copyProgram(program, path)
	}
	if err != nil {
		return fmt.Errorf("place %s: %w", program, err)
	}
	return nil
}

func copyProgram(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
