// Command apidiff compares the exported API of packages with its record, and writes the record:
// apidiff [--write] ./pkg/a ./pkg/b
//
// The record of a package is its declarations as Go code without bodies, one file for each package,
// so that a change of the API is a change that reviewers see. golang.org/x/exp/apidiff decides
// which changes are compatible. It needs no history, tag or network.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run returns 1 if the API differs from the record, and 2 if they cannot be compared.
func run(args []string, stdout, stderr io.Writer) int {
	flags := pflag.NewFlagSet("apidiff", pflag.ContinueOnError)
	var o options
	flags.StringVar(&o.root, "root", ".", "folder of the module")
	flags.StringVar(&o.records, "records", "docs/api", "folder of the records, below root")
	flags.StringVar(&o.changelog, "changelog", "CHANGELOG.md", "file that lists incompatible changes since the last release, below root")
	flags.BoolVar(&o.write, "write", false, "record the API as it is")
	if err := flags.Parse(args); err != nil {
		fmt.Fprintf(stderr, "apidiff: %v\n", err)
		return 2
	}
	o.packages = flags.Args()
	err := check(o, stdout)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "apidiff: %v\n", err)
	if errors.Is(err, errDiffers) {
		return 1
	}
	return 2
}
