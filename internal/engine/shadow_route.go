package engine

import (
	"errors"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/packed"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// maxShadowEntry is the maximum size of a shadow entry in bytes: as much as enforced policies may
// add.
const maxShadowEntry = MaxRouteGrowth

// maxShadowRoute is the maximum size of the route in a shadow entry in bytes.
const maxShadowRoute = 1 << 20

// errShadowTooLarge is the reason why a shadow entry is not added.
var errShadowTooLarge = errors.New("the metadata of the route exceeds the limit with this policy: use shorter or fewer values")

// addShadowEntry adds to a route what it would be if the custom resources with the effect Shadow
// were enforced. The translation needs this if a feature would add route metadata, as features do
// whose policies are attached to routes.
func (e *Engine) addShadowEntry(call *Call, res, pass *Response) error {
	if call.Hook != mutator.HookRoute {
		return nil
	}
	for i, list := range res.Resources {
		if list.Kind != mutator.KindRoute || len(list.Encoded) != 1 || !e.leavesState(list.Encoded[0], pass.Resources[i].Encoded[0]) {
			continue
		}
		now, err := withShadowEntry(list.Encoded[0], pass.Resources[i].Encoded[0])
		if err != nil {
			return err
		}
		if e.recordsEffects {
			res.effects = append(res.effects, placed{nowhere, Effect{
				Kind: list.Kind, Name: res.Subject(), Policies: res.state.in.Objects.Shadow(), Before: list.Encoded[0], After: now, Result: Applied,
			}})
		}
		res.Resources[i].Encoded = [][]byte{now}
	}
	return nil
}

// leavesState reports whether a route would have other entries in its metadata.
func (e *Engine) leavesState(now, would []byte) bool {
	at := metadataFields(mutator.KindRoute)
	return !slices.EqualFunc(metadataEntries(at, now, nil), metadataEntries(at, would, nil), func(a, b encodedEntry) bool {
		return string(a.key) == string(b.key) && string(a.value) == string(b.value)
	})
}

func withShadowEntry(now, would []byte) ([]byte, error) {
	value, err := packed.Pack(would)
	if err == nil && len(value) > maxShadowEntry {
		err = errShadowTooLarge
	}
	if err != nil {
		return nil, err
	}
	r := &routev3.Route{}
	if err := proto.Unmarshal(now, r); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), xds.MetadataEntry{Key: xds.ShadowKey, Value: value})
	return encode(r)
}

// shadowCall returns a call as it would be if the custom resources with the effect Shadow were
// enforced, or nil if there are none.
func (e *Engine) shadowCall(call *Call, res *Response) *Call {
	isShadowed := func(h *host) bool { return h.shadowed }
	any := slices.ContainsFunc(res.configs, func(c config) bool { return slices.ContainsFunc(c.hosts, isShadowed) })
	switch {
	case e.shadow == nil || res.state == nil || !any && len(res.state.in.Objects.Shadow()) == 0:
		return nil
	case !any:
		return call
	}
	out, configs := *call, res.configs
	out.Resources = slices.Clone(call.Resources)
	for l, list := range call.Resources {
		if list.Kind != mutator.KindRouteConfiguration {
			continue
		}
		encoded := slices.Clone(list.Encoded)
		for i, raw := range encoded {
			if slices.ContainsFunc(configs[i].hosts, isShadowed) {
				encoded[i] = shadowConfig(raw, configs[i].hosts)
			}
		}
		out.Resources[l].Encoded, configs = encoded, configs[len(encoded):]
	}
	return &out
}

// shadowConfig returns a route configuration with the routes from its shadow entries.
func shadowConfig(raw []byte, hosts []*host) []byte {
	i := -1
	return wire.Replace(raw, virtualHosts, func(raw []byte) []byte {
		if i++; !hosts[i].shadowed {
			return raw
		}
		return shadowHost(raw)
	})
}

// shadowHost returns a virtual host with the routes from its shadow entries, and keeps a route
// whose entry is invalid. Changes by hooks after the Route hook are lost, except those to the
// match.
func shadowHost(raw []byte) []byte {
	vh := &routev3.VirtualHost{}
	if proto.Unmarshal(raw, vh) != nil {
		return raw
	}
	for i, r := range vh.GetRoutes() {
		value := xds.ShadowEntry(r.GetMetadata())
		if value == "" {
			continue
		}
		would := &routev3.Route{}
		content, err := packed.Unpack(value, maxShadowRoute)
		if err == nil && proto.Unmarshal(content, would) == nil {
			would.Name, would.Match = r.GetName(), r.GetMatch()
			vh.Routes[i] = would
		}
	}
	if out, err := encode(vh); err == nil {
		return out
	}
	return raw
}
