// Command faulty is egraft with a feature that fails on purpose, as configured in the environment,
// see package faulty. It is for tests.
package main

import (
	"fmt"
	"os"

	"github.com/egraft/egraft/e2e/faulty"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"
	"github.com/egraft/egraft/pkg/mutator"
)

func main() {
	var faults []faulty.Fault
	if text := os.Getenv(faulty.Variable); text != "" {
		var err error
		if faults, err = faulty.Parse(text); err != nil {
			fmt.Fprintf(os.Stderr, "faulty: %v\n", err)
			os.Exit(cli.ExitUsage)
		}
	}
	os.Exit(cli.Main(func(o catalog.Options) []mutator.Feature {
		return append(catalog.Builtin(o), faulty.New(faults))
	}))
}
