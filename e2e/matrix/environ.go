package matrix

import (
	"slices"
	"strings"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// Environ returns the environment variables that make the scenarios run in a cell.
func (c Cell) Environ() []string {
	options := c.Options()
	var on []string
	for _, flag := range flags {
		if slices.Contains(options, flag) {
			on = append(on, string(flag))
		}
	}
	out := []string{
		parts.EnvoyGatewayVariable + "=" + c.EnvoyGateway, parts.EnvoyVariable + "=" + c.Envoy,
		standalone.RuntimeFlagsVariable + "=" + strings.Join(on, ","),
	}
	for option, variable := range map[Option]string{MergedGateways: standalone.MergeGatewaysVariable, MergedBackends: standalone.MergeBackendsVariable} {
		if slices.Contains(options, option) {
			out = append(out, variable+"=true")
		} else {
			out = append(out, variable+"=")
		}
	}
	return out
}
