// Command egraft is the extension server for Envoy Gateway with the built-in features.
package main

import (
	"os"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"
)

func main() { os.Exit(cli.Main(catalog.Builtin)) }
