package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/mutator"
)

// maxNamed limits the number of policies that are named.
const maxNamed = 10

// gatewayVersion returns the version of the running Envoy Gateway, empty if unknown.
func (f *Facts) gatewayVersion() string {
	for _, c := range []Fact[Configuration]{f.Running, f.Written} {
		if c.Known && c.Value.Version != "" {
			return c.Value.Version
		}
	}
	return ""
}

// LacksRouteTargets reports whether Envoy Gateway is known not to send policies that target routes.
func (f *Facts) LacksRouteTargets() bool {
	return version.Precedes(f.gatewayVersion(), version.RouteTargets)
}

// released compares the needs of the features with the release of Envoy Gateway.
func released(f *Facts) verdict {
	v, needs := f.gatewayVersion(), f.NeedsOfEgraft()
	if v == "" {
		return skipped("the version of Envoy Gateway is unknown")
	}
	var problems []Problem
	if slices.Contains(needs.Hooks, mutator.HookEndpoints) && version.Precedes(v, version.EndpointsHook) {
		problems = append(problems, failed(fmt.Sprintf("Envoy Gateway %s does not have the Endpoints hook", v),
			"Use Envoy Gateway "+version.EndpointsHook+" or newer, or disable the features that need the hook."))
	}
	if len(needs.Policies) > 0 && f.LacksRouteTargets() {
		problems = append(problems, f.routeTargets(v)...)
	}
	return found(problems...)
}

// routeTargets returns the problem with a release that does not send policies targeting routes. It
// is only a warning if it is unknown whether such policies exist.
func (f *Facts) routeTargets(v string) []Problem {
	message := fmt.Sprintf("Envoy Gateway %s does not send policies that target HTTPRoutes or GRPCRoutes", v)
	remedy := "Target Gateways or their listeners, or use Envoy Gateway " + version.RouteTargets + " or newer."
	switch names := f.Routed.Value; {
	case !f.Routed.Known:
		return []Problem{warning(message, remedy)}
	case len(names) == 0:
		return nil
	default:
		more := ""
		if left := len(names) - maxNamed; left > 0 {
			names, more = names[:maxNamed], fmt.Sprintf(" and %d more", left)
		}
		return []Problem{failed(message+", and these have no effect there: "+strings.Join(names, ", ")+more, remedy)}
	}
}
