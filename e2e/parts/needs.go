package parts

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// need is something that the machine must have.
type need struct {
	name string
	// command succeeds if the machine has it. If empty, it is the C compiler that the go command
	// would use.
	command []string
	// advice explains how to get it.
	advice string
}

var (
	golang    = need{"go", []string{"go", "version"}, "install Go 1.26 or newer from https://go.dev/dl"}
	python    = need{"python3", []string{"python3", "--version"}, "install Python 3.10 or newer, for example with `apt-get install python3`"}
	pip       = need{"pip", []string{"python3", "-m", "pip", "--version"}, "install pip, for example with `apt-get install python3-pip` or `python3 -m ensurepip`"}
	cCompiler = need{"a C compiler", nil, "install one, for example with `apt-get install gcc libc6-dev`; SPIRE's server needs it for its data store"}
	debian    = need{"apt-get", []string{"apt-get", "--version"}, "this part comes from Debian's packages; on another system install it and name its path"}
	pkgConfig = need{"pkg-config", []string{"pkg-config", "--version"}, "install it, for example with `apt-get install pkg-config`; runc needs it"}
)

// check returns an error for the first need that is not met.
func check(ctx context.Context, needs []need) error {
	for _, n := range needs {
		command := n.command
		if command == nil {
			command = compiler(ctx)
		}
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			if out = bytes.TrimSpace(out); len(out) > 0 {
				err = fmt.Errorf("%w: %s", err, out)
			}
			return missing(n, err)
		}
	}
	return nil
}

// compiler returns a command that prints the version of the C compiler that cgo would use.
func compiler(ctx context.Context) []string {
	cc := []string{"cc"}
	if out, err := exec.CommandContext(ctx, "go", "env", "CC").Output(); err == nil {
		if fields := strings.Fields(string(out)); len(fields) > 0 {
			cc = fields
		}
	}
	return append(cc, "--version")
}

func missing(n need, err error) error {
	return fmt.Errorf("%s is missing: %s (%w)", n.name, n.advice, err)
}
