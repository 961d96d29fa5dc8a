// Command route-filter is egraft with one additional route filter. It has all of egraft's commands:
// route-filter serve, route-filter config envoy-gateway, and so on.
package main

import (
	"os"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/cli"

	"github.com/egraft/egraft/examples/route-filter/staticdelay"
)

func main() { os.Exit(cli.Main(catalog.Builtin, staticdelay.Features()...)) }
