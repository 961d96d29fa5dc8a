// Command image packs directories into a container image: one OCI image layout in one tar file,
// which containerd, kind, Docker, Podman and skopeo accept, without a daemon, a registry or a base
// image.
//
// The same directories and flags give the same bytes. It must not run what it packs, and does not
// depend on egraft.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv("SOURCE_DATE_EPOCH"), os.Stdout, os.Stderr)) }

// run returns the exit code.
func run(args []string, epoch string, stdout, stderr io.Writer) int {
	if len(args) == 2 && args[0] == "sbom" {
		return printBill(args[1], epoch, stdout, stderr)
	}
	s, err := parse(args, epoch, stderr)
	switch {
	case errors.Is(err, pflag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "image: %v\nSee `image --help`.\n", err)
		return 2
	}
	if err := build(s, stdout); err != nil {
		fmt.Fprintf(stderr, "image: %v\n", err)
		return 1
	}
	return 0
}

// build writes the archive, and the bills of materials if requested.
func build(s *spec, stdout io.Writer) error {
	work, err := os.MkdirTemp("", "image-")
	if err != nil {
		return fmt.Errorf("make a directory to work in: %w", err)
	}
	defer os.RemoveAll(work)
	parts, err := pack(s, work)
	if err != nil {
		return err
	}
	if err := writeArchive(s, parts, work); err != nil {
		return fmt.Errorf("write %s: %w", s.output, err)
	}
	if err := writeBills(s, parts); err != nil {
		return err
	}
	return report(s, parts, stdout)
}
