// Package gatewayheader tells clients which Gateway responded: every response of a
// virtual host carries a header with the Gateway's namespace and name.
package gatewayheader

import (
	"context"
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Name is the name of the feature in flags, logs and metrics.
const Name = "gateway-header"

// New returns the feature.
func New(s Settings) (mutator.Feature, error) {
	if err := s.validate(); err != nil {
		return mutator.Feature{}, err
	}
	return mutator.Feature{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookVirtualHost},
		After:         []string{"attempt-count"}, // it also edits virtual hosts
		FailurePolicy: mutator.Ignore,            // a missing header is no reason to reject requests
		VirtualHosts:  mutator.Func[*routev3.VirtualHost]{When: s.applies, Do: s.addHeader},
	}, nil
}

func (s Settings) applies(_ *mutator.Input, vh mutator.View) bool {
	gw, ok := gateway(vh.References())
	return ok && (len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, gw.Namespace))
}

func (s Settings) addHeader(_ context.Context, _ *mutator.Input, vh *routev3.VirtualHost) error {
	gw, _ := gateway(xds.References(vh.GetMetadata()))
	for _, h := range vh.GetResponseHeadersToAdd() {
		if h.GetHeader().GetKey() == s.Header {
			return nil // already set: a second pass must change nothing
		}
	}
	value := gw.Namespace + "/" + gw.Name
	if s.Short {
		value = gw.Name
	}
	vh.ResponseHeadersToAdd = append(vh.ResponseHeadersToAdd, &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: s.Header, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	})
	return nil
}

// gateway returns the Gateway that a virtual host was made for.
func gateway(refs []xds.Reference) (xds.Reference, bool) {
	for _, r := range refs {
		if r.Kind == xds.KindGateway {
			return r, true
		}
	}
	return xds.Reference{}, false
}
