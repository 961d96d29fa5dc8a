package engine

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
)

// step lets one mutator edit a copy of the resource and commits the copy, or applies the failure
// policy. A failure of Plan counts as a failure of Edit. The result is empty if the resource cannot
// be decoded.
func (c *chain[T]) step(ctx context.Context, in *mutator.Input, s step[T], r *resource[T], raw []byte) (Result, error) {
	failure := s.failure
	if failure == nil {
		edited, err := r.decodedCopy()
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
	r.partial = nil
	ctx, counts := counting(ctx, s.counts)
	if err := c.mutate(ctx, in, s, edited, raw, r); err != nil {
		partial := (*mutator.PartialError)(nil)
		if !errors.As(err, &partial) {
			return false, err
		}
		r.partial = partial.Failures
	}
	if err := edited.ValidateAll(); err != nil {
		return false, fmt.Errorf("the result is invalid: %w", err)
	}
	if changed, err = r.commit(&s.link, edited, size); err == nil {
		r.counts = withCounts(r.counts, s.feature, counts)
	}
	return changed, err
}

// denied makes Envoy reject the resource's traffic. If that fails, the call fails: the resource
// must not be passed through.
func (c *chain[T]) denied(r *resource[T], failure error) (Result, error) {
	denying, err := r.decodedCopy()
	if err != nil {
		return "", err
	}
	if err = c.deny(denying); err == nil {
		r.encoded, err = encode(denying)
	}
	if err != nil {
		return CallFailed, fmt.Errorf("%w; denying it also failed: %w", failure, err)
	}
	return Denied, failure
}
