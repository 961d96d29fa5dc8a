package frontendmtls

import (
	"errors"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// denyChain denies a filter chain whose TLS settings Envoy might reject. They are from the
// ClientTrafficPolicy of its own Gateway listener, and must not deny others on the same port.
// It returns the error where there are none: the whole listener is then denied, with the
// reason in the policy's outcome.
func denyChain(x *index, l *listenerv3.Listener, fc *listenerv3.FilterChain, err error) error {
	var setting *spiffe.ParameterError
	if !errors.As(err, &setting) || x.isOfOnePolicy(l) {
		return err
	}
	return xds.DenyFilterChain(fc)
}

// isOfOnePolicy tells whether one policy wins all Gateway listeners of an xDS listener.
func (x *index) isOfOnePolicy(l *listenerv3.Listener) bool {
	seen := map[*policy.Object]bool{}
	for _, fc := range xds.FilterChains(l) {
		name, err := routesOf(fc)
		if err != nil || name == "" {
			return false
		}
		for _, o := range x.winners(name) {
			seen[o] = true
		}
	}
	return len(seen) == 1 && !seen[nil]
}
