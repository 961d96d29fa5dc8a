package frontendmtls

import (
	"errors"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// denyChain denies a filter chain whose TLS settings Envoy might reject. They come from the
// ClientTrafficPolicy of the chain's own Gateway listener and must not deny others on the same
// port. Any other error is returned: the whole listener is then denied.
func denyChain(fc *listenerv3.FilterChain, policies []*policy.Object, err error) (mutator.PartialFailure, error) {
	var setting *spiffe.ParameterError
	if !errors.As(err, &setting) {
		return mutator.PartialFailure{}, err
	}
	return mutator.PartialFailure{Policies: policies, Denied: true, Err: err}, xds.DenyFilterChain(fc)
}
