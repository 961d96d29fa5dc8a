package extension

import (
	"fmt"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
)

// call decodes a request.
func (m *method) call(req *wire.Message) (*engine.Call, error) {
	c := &engine.Call{Hook: m.hook}
	ctx, err := wire.Parse(req.Merged(m.context))
	if err != nil {
		return nil, fmt.Errorf("context of %s: %w", m.name, err)
	}
	for _, num := range m.objects {
		for _, raw := range ctx.All(num) {
			object, err := wire.Parse(raw)
			if err != nil {
				return nil, fmt.Errorf("extension resource of %s: %w", m.name, err)
			}
			c.Objects = append(c.Objects, object.Merged(unstructuredBytes))
		}
	}
	if m.hostnames != 0 {
		for _, h := range ctx.All(m.hostnames) {
			c.Hostnames = append(c.Hostnames, string(h))
		}
	}
	for _, r := range m.resources {
		c.Resources = append(c.Resources, engine.Resources{Kind: r.kind, Encoded: r.read(req)})
	}
	return c, nil
}

// read returns the encoded resources of a field. For a single resource, it distinguishes an absent
// one from an empty one.
func (r resource) read(req *wire.Message) [][]byte {
	if r.isRepeatable {
		return req.All(r.request)
	}
	if one := req.Merged(r.request); one != nil {
		return [][]byte{one}
	}
	return nil
}

// answer returns the response to req.
func (m *method) answer(req *wire.Message, res *engine.Response) *wire.Message {
	out := req.NewResponse()
	for _, list := range res.Resources {
		for _, r := range m.resources {
			if r.kind == list.Kind {
				out.Add(r.response, list.Encoded...)
			}
		}
	}
	return out
}
