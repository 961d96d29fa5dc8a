package engine

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
)

// applies asks the mutator; a panic is an error.
func (l link[T]) applies(in *mutator.Input, view mutator.View) (yes bool, err error) {
	err = contain(func() error { yes = l.mutator.Applies(in, view); return nil })
	return yes, err
}

// step lets one mutator edit a copy of the resource and returns what to go on with: the
// copy, or what the failure policy says. A failure of Applies is treated as one of Mutate.
func (c *chain[T]) step(ctx context.Context, in *mutator.Input, l link[T], resource T, failure error) (T, Verdict, error) {
	if failure == nil {
		edited := proto.Clone(resource).(T)
		if failure = c.edit(ctx, in, l, edited); failure == nil {
			if proto.Equal(resource, edited) {
				return resource, Unchanged, nil
			}
			return edited, Applied, nil
		}
	}
	switch l.onError {
	case mutator.Ignore:
		return resource, Ignored, failure
	case mutator.Fail:
		return resource, Failed, failure
	default:
		return c.denied(resource, failure)
	}
}

// edit runs the mutator on edited, which belongs to it, and validates the result as Envoy
// Gateway does after the hooks, where one invalid message blocks the whole Gateway.
func (c *chain[T]) edit(ctx context.Context, in *mutator.Input, l link[T], edited T) error {
	if err := bounded(ctx, func() error { return l.mutator.Mutate(ctx, in, edited) }); err != nil {
		return err
	}
	if err := edited.ValidateAll(); err != nil {
		return fmt.Errorf("the result is invalid: %w", err)
	}
	return nil
}

// denied makes a copy of the resource refuse traffic. If even that cannot be done the
// call fails: passing the resource through is not an option.
func (c *chain[T]) denied(resource T, failure error) (T, Verdict, error) {
	refusing := proto.Clone(resource).(T)
	if err := c.deny(refusing); err != nil {
		return resource, Failed, fmt.Errorf("%w; and it cannot be denied: %w", failure, err)
	}
	return refusing, Denied, failure
}
