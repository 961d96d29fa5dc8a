// Package gatewayheader tells clients which Gateway answered them: every response of a
// virtual host carries x-gateway with the Gateway's namespace and name.
package gatewayheader

import (
	"context"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Header is the name of the response header.
const Header = "x-gateway"

// New returns the mutator family.
func New() mutator.Family {
	return mutator.Family{
		Name:          "gateway-header",
		Hooks:         []mutator.Hook{mutator.HookVirtualHost},
		FailurePolicy: mutator.Ignore, // a header less is no reason to refuse requests
		VirtualHosts:  mutator.Func[*routev3.VirtualHost]{When: hasGateway, Do: addHeader},
	}
}

func hasGateway(_ *mutator.Input, vh mutator.View) bool {
	_, ok := gateway(vh.References())
	return ok
}

func addHeader(_ context.Context, _ *mutator.Input, vh *routev3.VirtualHost) error {
	gw, _ := gateway(xds.References(vh.GetMetadata()))
	for _, h := range vh.GetResponseHeadersToAdd() {
		if h.GetHeader().GetKey() == Header {
			return nil // there already: a second pass must change nothing
		}
	}
	vh.ResponseHeadersToAdd = append(vh.ResponseHeadersToAdd, &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: Header, Value: gw.Namespace + "/" + gw.Name},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	})
	return nil
}

// gateway is the Gateway that a virtual host was made for.
func gateway(refs []xds.Reference) (xds.Reference, bool) {
	for _, r := range refs {
		if r.Kind == xds.KindGateway {
			return r, true
		}
	}
	return xds.Reference{}, false
}
