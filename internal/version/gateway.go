package version

import (
	"strconv"
	"strings"
)

// RouteTargets is the first minor release of Envoy Gateway that sends policies which target
// HTTPRoutes and GRPCRoutes. Older releases log an error for each such target and ignore it.
// https://github.com/envoyproxy/gateway/blob/v1.8.0/internal/gatewayapi/extensionserverpolicy.go#L55
const RouteTargets = "v1.9"

// EndpointsHook is the first minor release with the hook Endpoints.
const EndpointsHook = "v1.8"

// Precedes reports whether a release of Envoy Gateway, such as v1.8.3, precedes a minor release. It
// returns false for a release without a number, such as latest.
func Precedes(release, minor string) bool {
	a, ok := numbers(release)
	b, _ := numbers(minor)
	return ok && (a[0] < b[0] || a[0] == b[0] && a[1] < b[1])
}

func numbers(release string) (out [2]int, ok bool) {
	parts := strings.SplitN(strings.TrimPrefix(release, "v"), ".", 3)
	if len(parts) < len(out) {
		return out, false
	}
	for i := range out {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return out, false
		}
		out[i] = n
	}
	return out, true
}
