// Command custom-mutator is egraft with one additional feature. It has all of egraft's commands:
// custom-mutator serve, custom-mutator config envoy-gateway, and so on.
package main

import (
	"os"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"

	"github.com/egraft/egraft/examples/custom-mutator/gatewayheader"
)

func main() { os.Exit(cli.Main(catalog.Builtin, gatewayheader.Feature())) }
