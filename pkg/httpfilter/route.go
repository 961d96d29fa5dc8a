package httpfilter

import (
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/xds"
)

// Settings are the typed_per_filter_config of a route, virtual host, route configuration or
// weighted cluster, by the name of the filter. The most specific one is in effect as a whole.
// Precedence, highest first: weighted cluster, route, virtual host, route configuration.
type Settings = map[string]*anypb.Any

// Enable is a setting for [Set] and [Configure] that enables a disabled filter without other changes.
func Enable() *routev3.FilterConfig { return &routev3.FilterConfig{Config: &anypb.Any{}} }

// Set sets the setting of a filter, and replaces an existing one.
func Set(settings *Settings, filter string, setting proto.Message) error {
	a, err := xds.Any(setting)
	if err != nil {
		return fmt.Errorf("setting of HTTP filter %q: %w", filter, err)
	}
	if *settings == nil {
		*settings = Settings{}
	}
	(*settings)[filter] = a
	return nil
}

// Configure sets the setting of a filter for all requests of a route. It replaces an existing
// setting that is [Enable]. If the new setting is [Enable], it keeps the existing setting. Any
// other difference is an error, and so is a setting of a weighted cluster, which would override the
// setting of the route: Envoy cannot merge settings of one filter.
func Configure(r *routev3.Route, filter string, setting proto.Message) error {
	a, err := xds.Any(setting)
	if err != nil {
		return fmt.Errorf("setting of HTTP filter %q: %w", filter, err)
	}
	for _, c := range r.GetRoute().GetWeightedClusters().GetClusters() {
		if there := c.GetTypedPerFilterConfig()[filter]; there != nil && !same(there, a) {
			return fmt.Errorf("HTTP filter %q has another setting for cluster %q, which overrides that of the route", filter, c.GetName())
		}
	}
	switch there := r.GetTypedPerFilterConfig()[filter]; {
	case there == nil || same(there, a) || enables(there):
	case enables(a) && !disables(there):
		return nil
	default:
		return fmt.Errorf("HTTP filter %q has another setting already", filter)
	}
	return Set(&r.TypedPerFilterConfig, filter, setting)
}

// enables reports whether a setting only enables the filter.
func enables(a *anypb.Any) bool {
	m := &routev3.FilterConfig{}
	return a.UnmarshalTo(m) == nil && !m.GetDisabled() && len(m.GetConfig().GetValue()) == 0
}

// disables reports whether a setting disables the filter, whatever its type.
func disables(a *anypb.Any) bool {
	m := &routev3.FilterConfig{}
	return a.UnmarshalTo(m) == nil && m.GetDisabled()
}

// same compares the decoded contents, or the bytes if they cannot be decoded.
func same(a, b *anypb.Any) bool {
	if a.GetTypeUrl() != b.GetTypeUrl() {
		return false
	}
	x, err := a.UnmarshalNew()
	if err != nil {
		return proto.Equal(a, b)
	}
	y, err := b.UnmarshalNew()
	return err == nil && proto.Equal(x, y)
}
