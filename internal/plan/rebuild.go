package plan

import (
	"context"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// rebuild builds the call that a translation would be after the changes. It replays hook calls for
// single resources only if their custom resources change.
type rebuild struct {
	*planning
	gateway  string
	singles  []*recording.Call
	before   []mutator.PolicyOutcome // of calls for single resources that change
	after    []mutator.PolicyOutcome
	warnings []string
}

func (b *rebuild) call(ctx context.Context, t *engine.Call) (*engine.Call, error) {
	call := &engine.Call{Hook: t.Hook, Resources: slices.Clone(t.Resources)}
	var err error
	if call.Objects, _, err = b.objects(t.Objects, mutator.HookTranslation, nil); err != nil {
		return nil, err
	}
	for i, list := range call.Resources {
		encoded := slices.Clone(list.Encoded)
		for j, raw := range encoded {
			if list.Kind == mutator.KindRouteConfiguration {
				encoded[j], err = b.configuration(ctx, raw)
			} else {
				encoded[j], err = b.single(ctx, list.Kind, raw)
			}
			if err != nil {
				return nil, err
			}
		}
		call.Resources[i].Encoded = encoded
	}
	return call, nil
}

// objects returns the custom resources of a call after the changes, and whether any of them changes.
func (b *rebuild) objects(now [][]byte, h mutator.Hook, refs []xds.Reference) (out [][]byte, changed bool, err error) {
	there := map[string]bool{}
	for _, raw := range now {
		name := nameOf(raw)
		there[name] = true
		if b.isApplied(name) || slices.ContainsFunc(b.changes.Delete, func(o *objectfile.Object) bool { return o.String() == name }) {
			changed = true
			continue
		}
		out = append(out, raw)
	}
	for _, o := range b.changes.Apply {
		if !b.isSent(o, h, refs, there[o.String()]) {
			continue
		}
		encoded, err := raw(o, b.existing[o.String()], b.Now)
		if err != nil {
			return nil, false, fmt.Errorf("%s: %w", o, err)
		}
		b.sent[o.String()] = true
		out, changed = append(out, encoded), true
	}
	return out, changed, nil
}

// isSent reports whether Envoy Gateway would send an object in a call. For label selectors and
// references from routes, this is only known if it sent the object before.
func (b *rebuild) isSent(o *objectfile.Object, h mutator.Hook, refs []xds.Reference, before bool) bool {
	switch {
	case !b.isIn(h, o):
		return false
	case !b.isPolicy(o):
		return before
	case before && len(o.Spec.TargetSelectors) > 0:
		return true
	case h == mutator.HookRoute:
		return o.IsOnRoute(refs)
	default:
		return isOnGateway(o, b.gateway)
	}
}

// configuration replays the Route hook for the routes of a route configuration whose custom
// resources change.
func (b *rebuild) configuration(ctx context.Context, raw []byte) ([]byte, error) {
	rc := &routev3.RouteConfiguration{}
	if err := proto.Unmarshal(raw, rc); err != nil {
		return nil, fmt.Errorf("route configuration: %w", err)
	}
	any := false
	for _, vh := range rc.GetVirtualHosts() {
		for i, route := range vh.GetRoutes() {
			changed, err := b.route(ctx, vh, route)
			if err != nil {
				return nil, fmt.Errorf("route %q: %w", route.GetName(), err)
			}
			if changed != nil {
				vh.Routes[i], any = changed, true
			}
		}
	}
	if !any {
		return raw, nil
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(rc)
}

// route returns a route after the Route hook with the changes, nil if it does not change.
func (b *rebuild) route(ctx context.Context, vh *routev3.VirtualHost, route *routev3.Route) (*routev3.Route, error) {
	call := &engine.Call{Hook: mutator.HookRoute, Hostnames: vh.GetDomains()}
	made := b.made(mutator.KindRoute, route.GetName(), vh.GetDomains())
	if made != nil {
		*call = *made.Call
	}
	objects, changed, err := b.objects(call.Objects, mutator.HookRoute, xds.References(route.GetMetadata()))
	if err != nil || !changed {
		return nil, err
	}
	if made == nil {
		if len(xds.MetadataEntries(route.GetMetadata())) > 0 || xds.ShadowEntry(route.GetMetadata()) != "" {
			b.warnings = append(b.warnings, fmt.Sprintf("route %s: the recording has no Route hook call for it, so the plan does not contain its other policies", route.GetName()))
		}
		raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(route)
		if err != nil {
			return nil, err
		}
		call.Resources = []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}}
	}
	raw, err := b.again(ctx, call, made != nil, objects)
	if err != nil {
		return nil, err
	}
	out := &routev3.Route{}
	return out, proto.Unmarshal(raw, out)
}

// single returns a resource after its hook with the changes.
func (b *rebuild) single(ctx context.Context, k mutator.Kind, raw []byte) ([]byte, error) {
	name, err := callfile.NameOf(k, raw)
	if err != nil {
		return nil, err
	}
	made := b.made(k, name, nil)
	if made == nil {
		return raw, nil
	}
	objects, changed, err := b.objects(made.Objects, made.Hook, nil)
	if err != nil || !changed {
		return raw, err
	}
	return b.again(ctx, made.Call, true, objects)
}

// again replays a call for a single resource with other custom resources; before is true if the
// recording has the call. Envoy Gateway makes no call without custom resources.
func (b *rebuild) again(ctx context.Context, call *engine.Call, before bool, objects [][]byte) ([]byte, error) {
	if before {
		res, err := b.Engine.Run(ctx, call)
		if err != nil {
			return nil, fmt.Errorf("hook %s: %w", call.Hook, err)
		}
		b.before = append(b.before, res.Policies...)
	}
	if len(objects) == 0 {
		return call.Resources[0].Encoded[0], nil
	}
	with := *call
	with.Objects = objects
	res, err := b.Engine.Run(ctx, &with)
	if err != nil {
		return nil, fmt.Errorf("hook %s with the changes: %w", call.Hook, err)
	}
	b.after = append(b.after, res.Policies...)
	return res.Resources[0].Encoded[0], nil
}

// made returns the last call for a single resource with a name, nil if there was none. Routes of
// several virtual hosts can have the same name.
func (b *rebuild) made(k mutator.Kind, name string, domains []string) (found *recording.Call) {
	for _, c := range b.singles {
		if len(c.Resources) != 1 || c.Resources[0].Kind != k || len(c.Resources[0].Encoded) != 1 {
			continue
		}
		have, err := callfile.NameOf(k, c.Resources[0].Encoded[0])
		if err != nil || have != name || domains != nil && len(c.Hostnames) > 0 && !slices.Equal(c.Hostnames, domains) {
			continue
		}
		found = c
	}
	return found
}
