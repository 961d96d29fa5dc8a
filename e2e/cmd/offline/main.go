// Command offline replaces the images and the chart that a cluster pulls, on machines without
// access to a registry. The scripts of e2e/kindnode run it; see usage.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/parts"
)

const usage = `offline replaces the images and the chart that a cluster pulls, on machines without access to a registry.

Usage:
  offline images DIR               pack the images and the chart of docs/install.md from the programs in DIR/bin
  offline registry DIR COMMAND...  run a command in separate namespaces, in which Docker Hub serves that chart
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "offline:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "images":
		return images(ctx, args[1])
	case len(args) > 2 && args[0] == "registry":
		return registry(ctx, args[1], args[2:])
	}
	return errors.New("these arguments are not understood\n\n" + usage)
}

// images packs the images in DIR/images. The file references there has both references to Envoy's
// image.
func images(ctx context.Context, dir string) error {
	programs := map[parts.Name]string{
		cluster.PauseProgram: filepath.Join(dir, "pause"),
		cluster.ImageProgram: filepath.Join(dir, "pack"),
	}
	for _, name := range cluster.PulledParts() {
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "bin", string(name)))
		if err != nil {
			return fmt.Errorf("find %s: %w", name, err)
		}
		programs[name] = path
	}
	note := func(_ context.Context, from, to string) error {
		return os.WriteFile(filepath.Join(dir, "images", "references"), []byte(from+" "+to), 0o644)
	}
	return errors.Join(
		cluster.PackPulled(ctx, filepath.Join(dir, "images"), programs),
		cluster.PackageChart(ctx, filepath.Join(dir, "bin", "helm"), filepath.Join(dir, "chart.tgz")),
		cluster.TagPulled(ctx, note),
	)
}

// registry runs a command, and returns its exit code in the error.
func registry(ctx context.Context, dir string, command []string) error {
	scratch, err := os.MkdirTemp("", "offline-")
	if err != nil {
		return fmt.Errorf("make a directory for certificates: %w", err)
	}
	defer os.RemoveAll(scratch)
	pki, err := apiserver.NewPKI(scratch)
	if err != nil {
		return err
	}
	r, err := cluster.NewRegistry(ctx, pki, scratch, filepath.Join(dir, "bin", "helm"), filepath.Join(dir, "chart.tgz"))
	if err != nil {
		return err
	}
	defer r.Close()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = append(os.Environ(), r.Environ...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	return cmd.Run()
}
