package process

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPollTellsWhatWasWrongLast(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	err := Poll(ctx, "the moon", func(context.Context) error {
		cancel(errors.New("not within a month"))
		return errors.New("still dark")
	})
	assert.EqualError(t, err, "wait for the moon: not within a month (last: still dark)")
	err = Poll(t.Context(), "the moon", func(context.Context) error { return permanent{errors.New("it fell down")} })
	assert.EqualError(t, err, "wait for the moon: it fell down")
}
