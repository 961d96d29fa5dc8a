package engine

import (
	"bytes"
	"context"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// finish handles a translation as a whole: additions, dangling references, removal of route
// metadata, and routes to renamed clusters.
func (e *Engine) finish(ctx context.Context, p *callState, call *Call, configs []config, res *Response) error {
	in := p.in
	s := &settling{Engine: e, p: p, in: in, call: call, res: res}
	for _, f := range e.features {
		if f.Additions == nil || !f.Uses(in.Hook) {
			continue
		}
		if err := s.addAll(ctx, f); err != nil {
			return err
		}
	}
	s.addCopies(ctx)
	if err := s.settle(ctx); err != nil {
		return err
	}
	res.keepRenamed(s.recordKept())
	renaming := e.renamingOf(p, res.renames())
	for i, list := range res.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			res.Resources[i].Encoded = e.released(list.Encoded, configs[:len(list.Encoded)], renaming)
			s.recordReleased(list.Encoded, res.Resources[i].Encoded)
			configs = configs[len(list.Encoded):]
		}
	}
	return nil
}

// subject returns what a call is about.
func (e *Engine) subject(in *mutator.Input, call *Call) string {
	if in.Hook == mutator.HookTranslation {
		var names []string
		for _, g := range in.Routes().Gateways() {
			names = append(names, g.Namespace+"/"+g.Name)
		}
		return strings.Join(names, ",")
	}
	for _, list := range call.Resources {
		if chain := e.chains[in.Hook][list.Kind]; chain != nil && len(list.Encoded) > 0 {
			return chain.name(list.Encoded[0])
		}
	}
	return ""
}

// released removes egraft's metadata from the routes, releases held routes, and changes routes to
// renamed clusters. The configs are those of the call, some of which mutators may have changed.
func (e *Engine) released(encoded [][]byte, configs []config, renaming *renaming) [][]byte {
	out := encoded
	for i, c := range configs {
		if !bytes.Equal(c.raw, encoded[i]) {
			c = e.readConfigs(asChanged, encoded[i:i+1])[0]
		}
		if !slices.ContainsFunc(c.hosts, func(h *host) bool { return h.withMetadata || len(renaming.of(h)) > 0 }) {
			continue
		}
		if &out[0] == &encoded[0] {
			out = slices.Clone(encoded)
		}
		out[i] = e.releasedConfig(c, renaming)
	}
	return out
}

// namesOf returns the names of the resources of a kind. Most are known if mutators applied.
func namesOf(res *Response, kind mutator.Kind, shape wire.FieldNumbers) []string {
	list, names := listOf(res, kind), res.names[kind]
	if names == nil {
		names = make([]string, len(list.Encoded))
		res.names[kind] = names
	}
	for i, name := range names {
		if name == "" {
			names[i] = wire.NewView(shape, list.Encoded[i]).Name()
		}
	}
	return names
}

// listOf returns the list of a kind, and adds it if it is missing.
func listOf(res *Response, kind mutator.Kind) *Resources {
	for i := range res.Resources {
		if res.Resources[i].Kind == kind {
			return &res.Resources[i]
		}
	}
	res.Resources = append(res.Resources, Resources{Kind: kind})
	return &res.Resources[len(res.Resources)-1]
}
