// Command policy-mutator is egraft with one additional policy. It has all of egraft's commands:
// policy-mutator serve, policy-mutator config envoy-gateway, and so on.
package main

import (
	"os"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"

	"github.com/egraft/egraft/examples/policy-mutator/retrybudget"
)

func main() { os.Exit(cli.Main(catalog.Builtin, retrybudget.Features()...)) }
