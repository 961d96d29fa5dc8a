package buffer

import (
	"errors"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/quantity"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
)

// filterName is the name of the buffer filter. Envoy Gateway uses the same name for requestBuffer of a
// BackendTrafficPolicy, so both share one filter.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/request_buffer.go
const filterName = string(httpfilter.Buffer)

// errBytes is the error for values that do not fit into the filter's field.
var errBytes = errors.New("must be a whole number of bytes between 1 and 4294967295")

// bytesOf returns the limit of a policy that has one.
func bytesOf(s *v1alpha1.BufferPolicySpec) (uint32, error) {
	q, err := quantity.Parse(s.MaxRequestBytes.String())
	if err != nil {
		return 0, errBytes
	}
	n, whole := quantity.Whole(q)
	if !whole || n < 1 || n > maxBytes {
		return 0, errBytes
	}
	return uint32(n), nil
}

// perRoute is the setting of the buffer filter on a route or virtual host.
func perRoute(s *v1alpha1.BufferPolicySpec) (proto.Message, error) {
	if s.Disabled || s.Mode != v1alpha1.BufferFull {
		return off(), nil
	}
	n, err := bytesOf(s)
	return &bufferv3.BufferPerRoute{Override: &bufferv3.BufferPerRoute_Buffer{Buffer: &bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(n)}}}, err
}

// off is also the default for routes without a policy. Without it, Envoy would decide at the start
// of a request, by the route at that time, whether the filter takes part. If authentication then
// made Envoy select another route, that route's limit would not apply.
func off() *bufferv3.BufferPerRoute {
	return &bufferv3.BufferPerRoute{Override: &bufferv3.BufferPerRoute_Disabled{Disabled: true}}
}

// setRoute sets the policy on a route. It always writes the filter's per-route setting, which
// overrides that of the virtual host.
func setRoute(p *v1alpha1.BufferPolicy, r *routev3.Route) error {
	s := &p.Spec
	setting, err := perRoute(s)
	if err != nil {
		return err
	}
	if err := httpfilter.Set(&r.TypedPerFilterConfig, filterName, setting); err != nil {
		return err
	}
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		return limit(s, r)
	default:
		rejectUpgrades(r)
	}
	return nil
}

// setVirtualHost sets the policy on a virtual host and its routes. LimitOnly is set on each route,
// because a limit on the virtual host could not be undone for a route whose policy turns off buffering.
func setVirtualHost(p *v1alpha1.BufferPolicy, vh *routev3.VirtualHost, routes []*routev3.Route) error {
	s := &p.Spec
	switch {
	case s.Disabled: // the filter is off unless a route or virtual host turns it on
		return nil
	case s.Mode == v1alpha1.BufferLimitOnly:
		return limit(s, routes...)
	}
	setting, err := perRoute(s)
	if err != nil {
		return err
	}
	rejectUpgrades(routes...)
	return httpfilter.Set(&vh.TypedPerFilterConfig, filterName, setting)
}

func limit(s *v1alpha1.BufferPolicySpec, routes ...*routev3.Route) error {
	n, err := bytesOf(s)
	for _, r := range routes {
		r.RequestBodyBufferLimit = wrapperspb.UInt64(uint64(n))
	}
	return err
}

// rejectUpgrades makes Envoy respond with 403 to WebSockets and other upgrades. They never end, so
// Envoy would wait and buffer what the client sends. Envoy Gateway does the same for requestBuffer.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/route.go#L179-L196
func rejectUpgrades(routes ...*routev3.Route) {
	for _, r := range routes {
		if action := r.GetRoute(); action != nil {
			action.UpgradeConfigs = nil
		}
	}
}
