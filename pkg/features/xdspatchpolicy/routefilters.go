package xdspatchpolicy

import (
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protopath"
	"google.golang.org/protobuf/reflect/protorange"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/envoyfilter"
)

// perFilter is the field with the per-route configuration of HTTP filters, in route configurations,
// virtual hosts, routes and their clusters.
const perFilter = "typed_per_filter_config"

// checkRouteFilters rejects per-route configuration that patches added and that no HTTP filter
// supports: Envoy would reject the whole route configuration.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/per_filter_config.cc
func checkRouteFilters(before, after proto.Message, touched []protoreflect.FieldDescriptor) error {
	switch after.(type) {
	case *routev3.RouteConfiguration, *routev3.VirtualHost, *routev3.Route:
	default:
		return nil
	}
	was := map[string]bool{}
	err := eachRouteFilter(only(before, touched), func(_ string, config *anypb.Any) error {
		was[config.GetTypeUrl()+"\x00"+string(config.GetValue())] = true
		return nil
	})
	if err != nil {
		return err
	}
	return eachRouteFilter(only(after, touched), func(name string, config *anypb.Any) error {
		if was[config.GetTypeUrl()+"\x00"+string(config.GetValue())] {
			return nil
		}
		if err := checkRouteFilter(config); err != nil {
			return fmt.Errorf("%s[%q]: %w", perFilter, name, err)
		}
		return nil
	})
}

// eachRouteFilter calls f with the per-route configuration of each HTTP filter, by name.
func eachRouteFilter(m proto.Message, f func(name string, config *anypb.Any) error) error {
	return protorange.Options{Stable: true}.Range(m.ProtoReflect(), func(p protopath.Values) error {
		last := p.Index(-1)
		if last.Step.Kind() != protopath.MapIndexStep || p.Index(-2).Step.FieldDescriptor().Name() != perFilter {
			return nil
		}
		config, ok := last.Value.Message().Interface().(*anypb.Any)
		if !ok {
			return nil
		}
		if err := f(last.Step.MapIndex().String(), config); err != nil {
			return err
		}
		return protorange.Break
	}, nil)
}

func checkRouteFilter(config *anypb.Any) error {
	if config.MessageIs(&routev3.FilterConfig{}) {
		inner := &routev3.FilterConfig{}
		if err := proto.Unmarshal(config.GetValue(), inner); err != nil {
			return err
		}
		if inner.GetConfig() == nil {
			return nil
		}
		config = inner.GetConfig()
	}
	of := string(config.MessageName())
	if !slices.ContainsFunc(envoyfilter.All(), func(f envoyfilter.Filter) bool { return f.Route == of && of != "" }) {
		return fmt.Errorf("%q is not a route configuration of an HTTP filter", of)
	}
	return nil
}
