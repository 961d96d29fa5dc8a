// Command release writes the provenance of a release, and checks its files: all exist, each is of
// this version and commit, and they are consistent.
//
//	go run ./hack/release -version v0.1.0 -commit SHA provenance|verify DIRECTORY
//
// hack/release.sh makes the files. It must not need a network, and it signs nothing.
package main

import (
	"debug/buildinfo"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// release is the files of a release.
type release struct {
	dir string
	// version is the tag of the release, such as v0.1.0, and commit the commit that it was built
	// from.
	version, commit string
	// builder is the URI of the builder.
	builder string
	// info reads what the Go command recorded in a program.
	info func(io.ReaderAt) (*debug.BuildInfo, error)
}

// run returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	r := &release{info: buildinfo.Read}
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&r.version, "version", "", "version of the release, such as v0.1.0")
	flags.StringVar(&r.commit, "commit", "", "commit that it was built from")
	flags.StringVar(&r.builder, "builder", "https://"+module+"/blob/main/RELEASES.md#what-a-release-contains", "URI of the builder, for the provenance")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if flags.NArg() != 2 || r.version == "" || r.commit == "" {
		fmt.Fprintln(stderr, "release: name -version, -commit, what to do and a directory")
		return 2
	}
	r.dir = flags.Arg(1)
	if err := r.do(flags.Arg(0), stdout); err != nil {
		fmt.Fprintf(stderr, "release: %s\n", strings.ReplaceAll(err.Error(), "\n", "\nrelease: "))
		return 1
	}
	return 0
}

func (r *release) do(what string, stdout io.Writer) error {
	switch what {
	case "provenance":
		return r.writeProvenance()
	case "verify":
		if err := r.verify(); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "%s: all files of %s are there and agree\n", r.dir, r.version)
		return nil
	default:
		return errors.New(what + " is neither provenance nor verify")
	}
}
