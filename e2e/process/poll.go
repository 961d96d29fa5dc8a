package process

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollInterval is the interval of checks of a condition.
const pollInterval = 20 * time.Millisecond

// permanent is an error that ends polling.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Poll calls the condition until it returns nil. If the context ends first, the error contains what
// was awaited and the last error.
func Poll(ctx context.Context, what string, condition func(context.Context) error) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return nil
		}
		if stop := (permanent{}); errors.As(err, &stop) {
			return fmt.Errorf("wait for %s: %w", what, stop.error)
		}
		if last == nil || ctx.Err() == nil { // an error due to the cancelled context says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", what, context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}
