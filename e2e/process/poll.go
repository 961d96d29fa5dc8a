package process

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// pollInterval is how often conditions are looked at.
const pollInterval = 20 * time.Millisecond

// permanent is an error after which polling makes no sense.
type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Poll calls the condition until it returns nil. When the context ends first,
// the error says what was waited for and what was wrong last.
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
		if last == nil || ctx.Err() == nil { // what was cut off says nothing
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (last: %w)", what, context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}
