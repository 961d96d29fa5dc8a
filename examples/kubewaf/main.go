// Command kubewaf is egraft with the functions of kubeWAF's extension server.
package main

import (
	"os"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"

	"github.com/egraft/egraft/examples/kubewaf/waf"
)

func main() { os.Exit(cli.Main(catalog.Builtin, waf.Feature())) }
