package builder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Go is the Go command.
type Go struct {
	path    string
	environ []string
}

// errNoGo means that there is no Go command.
var errNoGo = errors.New("the Go command is not in PATH: install Go 1.26 or later, see https://go.dev/doc/install")

// FindGo finds the Go command in the PATH of an environment, in which it will run.
func FindGo(environ []string) (*Go, error) {
	for _, v := range environ {
		list, found := strings.CutPrefix(v, "PATH=")
		if !found {
			continue
		}
		for _, directory := range filepath.SplitList(list) {
			file := filepath.Join(directory, "go")
			if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 && filepath.IsAbs(file) {
				return &Go{file, append(environ[:len(environ):len(environ)], "GOWORK=off")}, nil
			}
		}
	}
	return nil, errNoGo
}

// Run runs a command in a directory. The error includes its output.
func (g *Go) Run(ctx context.Context, directory string, args ...string) error {
	_, err := g.output(ctx, directory, nil, args...)
	return err
}

// output returns the output of a command that runs with additional variables.
func (g *Go) output(ctx context.Context, directory string, environ []string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, g.path, args...)
	// Children of the Go command get the time to end by themselves.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Dir, cmd.Env = directory, append(g.environ[:len(g.environ):len(g.environ)], environ...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, &goError{args, err, stdout.String() + stderr.String()}
	}
	return stdout.Bytes(), nil
}

// goError means that a command failed.
type goError struct {
	args    []string
	err     error
	printed string
}

// Error implements error.
func (e *goError) Error() string {
	return fmt.Sprintf("go %s: %v\n%s", strings.Join(e.args, " "), e.err, lastLines(e.printed, 60))
}

// Unwrap returns the cause.
func (e *goError) Unwrap() error { return e.err }

// isDownload matches lines that are irrelevant to a failure.
var isDownload = regexp.MustCompile(`(?m)^go: (downloading|finding|found|added|upgraded) .*\n`)

// lastLines returns the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(isDownload.ReplaceAllString(text, "")), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
