package engine

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/wire"
)

// message is a resource with the validation that protoc-gen-validate generates.
type message interface {
	proto.Message
	ValidateAll() error
}

// chain is the mutators of one kind of resource, in order.
type chain[T message] struct {
	kind  mutator.Kind
	shape wire.Shape
	empty T
	deny  func(T) error
	links []link[T]
}

// link is one family's mutator in a chain.
type link[T message] struct {
	family  string
	onError mutator.FailurePolicy
	mutator mutator.Typed[T]
}

// add puts the chain of one kind into m, if any family has a mutator for it in the hook.
func add[T message](
	m map[mutator.Kind]runner, h mutator.Hook, families []mutator.Family,
	kind mutator.Kind, empty T, deny func(T) error, of func(mutator.Family) mutator.Typed[T],
) {
	c := &chain[T]{kind: kind, shape: wire.ShapeOf(empty), empty: empty, deny: deny}
	for _, f := range families {
		if mut := of(f); mut != nil && f.Uses(h) {
			c.links = append(c.links, link[T]{f.Name, f.FailurePolicy, mut})
		}
	}
	if len(c.links) > 0 {
		m[kind] = c
	}
}

// run takes one resource through the chain. If no mutator changed it, the answer is raw.
// The error is that of a call that has to fail.
func (c *chain[T]) run(ctx context.Context, in *mutator.Input, raw []byte) ([]byte, []Outcome, error) {
	view := wire.NewView(c.shape, raw)
	var resource T
	var outcomes []Outcome
	var decoded, changed bool
	for _, l := range c.links {
		applies, failure := l.applies(in, view)
		if !applies && failure == nil {
			continue
		}
		if !decoded {
			resource, decoded = c.empty.ProtoReflect().New().Interface().(T), true
			if err := proto.Unmarshal(raw, resource); err != nil {
				return nil, outcomes, fmt.Errorf("decode %s %q: %w", c.kind, view.Name(), err)
			}
		}
		next, verdict, err := c.step(ctx, in, l, resource, failure)
		outcomes = append(outcomes, c.outcomes(l, view.Name(), verdict, err)...)
		if verdict == Failed {
			return nil, outcomes, fmt.Errorf("mutator %s on %s %q: %w", l.family, c.kind, view.Name(), err)
		}
		resource, changed = next, changed || verdict == Applied || verdict == Denied
		if verdict == Denied {
			break // nothing that follows may let traffic through again
		}
	}
	if !changed {
		return raw, outcomes, nil
	}
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(resource)
	return out, outcomes, err
}

// name is the name of an encoded resource.
func (c *chain[T]) name(raw []byte) string { return wire.NewView(c.shape, raw).Name() }

// outcomes is what a step led to: one outcome, and one more for a panic.
func (c *chain[T]) outcomes(l link[T], name string, v Verdict, err error) []Outcome {
	out := []Outcome{{Family: l.family, Kind: c.kind, Name: name, Verdict: v, Err: err}}
	if p := (*PanicError)(nil); errors.As(err, &p) {
		out = append(out, Outcome{Family: l.family, Kind: c.kind, Name: name, Verdict: Panicked, Err: err})
	}
	return out
}
