// Package a is a mutator that looks at the clock: by another name, and through context.
package a

import (
	"context"
	clock "time"
)

var now = clock.Now

func soon(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, clock.Second)
}
