package render

import (
	"context"
	"fmt"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// dump makes the calls that Envoy Gateway would make for the resources of a config dump: the hooks
// for single resources, then the Translation hook with their results.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/translator.go
func (r *run) dump(ctx context.Context) error {
	var now, rest []engine.Resources
	for _, list := range r.in.Dump.resources {
		edited := engine.Resources{Kind: list.Kind}
		for _, raw := range list.Encoded {
			out, err := r.single(ctx, list.Kind, raw)
			if err != nil {
				return err
			}
			edited.Encoded = append(edited.Encoded, out)
		}
		if r.includes(list.Kind) {
			now = append(now, edited)
		} else {
			rest = append(rest, edited)
		}
	}
	call := &engine.Call{Hook: mutator.HookTranslation, Objects: r.objects(mutator.HookTranslation, nil), Resources: now}
	res, err := r.call(ctx, call)
	if err != nil {
		return err
	}
	all := slices.Concat(res.Resources, rest)
	before := make([]engine.Resources, len(all))
	for i := range all {
		at := slices.Index(translated, all[i].Kind)
		before[i] = r.in.Dump.resources[at]
		if i >= len(now) && i < len(res.Resources) {
			before[i].Encoded = nil // additions have a list of their own
		}
	}
	return r.compare(before, all)
}

// includes reports whether Envoy Gateway includes a kind in the Translation hook.
func (r *run) includes(k mutator.Kind) bool {
	return slices.ContainsFunc(r.Features, func(f mutator.Feature) bool { return f.Receives(mutator.HookTranslation, k) })
}

func (r *run) uses(h mutator.Hook) bool {
	return slices.ContainsFunc(r.Features, func(f mutator.Feature) bool { return f.Uses(h) })
}

// single makes the calls for one resource.
func (r *run) single(ctx context.Context, k mutator.Kind, raw []byte) ([]byte, error) {
	switch k {
	case mutator.KindRouteConfiguration:
		rc := &routev3.RouteConfiguration{}
		if err := proto.Unmarshal(raw, rc); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		for _, vh := range rc.GetVirtualHosts() {
			if err := r.host(ctx, vh); err != nil {
				return nil, err
			}
		}
		return proto.MarshalOptions{Deterministic: true}.Marshal(rc)
	case mutator.KindListener:
		if !r.uses(mutator.HookHTTPListener) {
			return raw, nil
		}
		l := &listenerv3.Listener{}
		if err := proto.Unmarshal(raw, l); err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		err := r.hook(ctx, &engine.Call{Hook: mutator.HookHTTPListener, Objects: r.objects(mutator.HookHTTPListener, nil)}, k, l)
		if err != nil {
			return nil, err
		}
		return proto.MarshalOptions{Deterministic: true}.Marshal(l)
	}
	return raw, nil
}

// host makes the calls for the routes of a virtual host that policies target, and then the call for
// the virtual host.
func (r *run) host(ctx context.Context, vh *routev3.VirtualHost) error {
	for _, route := range vh.GetRoutes() {
		objects := r.objects(mutator.HookRoute, xds.References(route.GetMetadata()))
		if len(objects) == 0 {
			continue
		}
		call := &engine.Call{Hook: mutator.HookRoute, Objects: objects, Hostnames: vh.GetDomains()}
		if err := r.hook(ctx, call, mutator.KindRoute, route); err != nil {
			return err
		}
	}
	if !r.uses(mutator.HookVirtualHost) {
		return nil
	}
	return r.hook(ctx, &engine.Call{Hook: mutator.HookVirtualHost}, mutator.KindVirtualHost, vh)
}

// hook makes a call for one resource, and replaces the resource by the result.
func (r *run) hook(ctx context.Context, call *engine.Call, k mutator.Kind, m proto.Message) error {
	raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return err
	}
	call.Resources = []engine.Resources{{Kind: k, Encoded: [][]byte{raw}}}
	res, err := r.call(ctx, call)
	if err != nil {
		return fmt.Errorf("hook %s: %w", call.Hook, err)
	}
	return proto.Unmarshal(res.Resources[0].Encoded[0], m)
}
