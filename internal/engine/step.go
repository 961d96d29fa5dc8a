package engine

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
)

// step lets one mutator edit a copy of the resource and makes the resource what comes of
// it: the copy, or what the failure policy says. A failure of Plan is treated as one of
// Edit. Without a verdict the resource cannot be decoded.
func (c *chain[T]) step(ctx context.Context, in *mutator.Input, s step[T], r *resource[T], raw []byte) (Verdict, error) {
	failure := s.failure
	if failure == nil {
		edited, err := r.take()
		if err != nil {
			return "", err
		}
		var changed bool
		if changed, failure = c.edit(ctx, in, &s, r, edited, raw); failure == nil {
			if changed {
				return Applied, nil
			}
			return Unchanged, nil
		}
	}
	switch s.onFailure(in) {
	case mutator.Ignore:
		return Ignored, failure
	case mutator.Fail:
		return CallFailed, failure
	default:
		return c.denied(r, failure)
	}
}

// edit runs the mutator on edited, which belongs to it, and validates the result as Envoy
// Gateway does after the hooks, where one invalid message blocks the whole Gateway.
func (c *chain[T]) edit(ctx context.Context, in *mutator.Input, s *step[T], r *resource[T], edited T, raw []byte) (changed bool, err error) {
	size := proto.Size(edited)
	if err := c.mutate(ctx, in, s, edited, raw, r); err != nil {
		return false, err
	}
	if err := edited.ValidateAll(); err != nil {
		return false, fmt.Errorf("the result is invalid: %w", err)
	}
	return r.commit(&s.link, edited, size)
}

// denied makes the resource refuse traffic. If even that cannot be done the call fails:
// passing the resource through is not an option.
func (c *chain[T]) denied(r *resource[T], failure error) (Verdict, error) {
	refusing, err := r.take()
	if err != nil {
		return "", err
	}
	if err = c.deny(refusing); err == nil {
		r.encoded, err = encode(refusing)
	}
	if err != nil {
		return CallFailed, fmt.Errorf("%w; and it cannot be denied: %w", failure, err)
	}
	return Denied, failure
}
