package extension

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
)

// Client makes calls as Envoy Gateway does, to an extension server of any version.
type Client struct{ conn grpc.ClientConnInterface }

// NewClient makes a client that uses a connection.
func NewClient(conn grpc.ClientConnInterface) *Client { return &Client{conn} }

// Call makes a call and returns the resources of the response, by kind as in the call.
func (c *Client) Call(ctx context.Context, call *engine.Call) ([]engine.Resources, error) {
	for _, m := range methods() {
		if m.hook != call.Hook {
			continue
		}
		answer := &wire.Message{}
		if err := c.conn.Invoke(ctx, m.fullMethod(), m.encoded(call), answer, grpc.ForceCodecV2(wire.Codec())); err != nil {
			return nil, err
		}
		return m.resourcesOf(answer), nil
	}
	return nil, fmt.Errorf("there is no hook %q", call.Hook)
}

// encoded encodes a call. All custom resources are in the first context field for them: a call does
// not record the field of each, which makes no difference to egraft.
func (m *method) encoded(call *engine.Call) *wire.Message {
	ctx, req := &wire.Message{}, &wire.Message{}
	if m.hostnames != 0 {
		for _, h := range call.Hostnames {
			ctx.Add(m.hostnames, []byte(h))
		}
	}
	if len(m.objects) > 0 {
		for _, o := range call.Objects {
			object := &wire.Message{}
			object.Add(unstructuredBytes, o)
			ctx.Add(m.objects[0], object.Append(nil))
		}
	}
	req.Add(m.context, ctx.Append(nil))
	for _, r := range m.resources {
		for _, list := range call.Resources {
			if list.Kind == r.kind {
				req.Add(r.request, list.Encoded...)
			}
		}
	}
	return req
}

// resourcesOf returns the resources of a response.
func (m *method) resourcesOf(answer *wire.Message) (out []engine.Resources) {
	for _, r := range m.resources {
		out = append(out, engine.Resources{Kind: r.kind, Encoded: answer.All(r.response)})
	}
	return out
}
