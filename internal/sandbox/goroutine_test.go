package sandbox

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGoroutines: a goroutine is reused after a run that ended, even by a panic, no more than the
// requested number is kept, and the goroutine of an abandoned run is not reused.
func TestGoroutines(t *testing.T) {
	g := New()
	g.KeepIdle(1)
	run := func(ctx context.Context, f func()) error {
		_, err := RunOnce(ctx, g, "f", func(context.Context) (int, error) { f(); return 0, nil })
		return err
	}
	require.NoError(t, run(t.Context(), func() {}))
	kept := <-g.idle
	g.idle <- kept

	require.EqualError(t, run(t.Context(), func() { panic("no") }), "panic: no")
	require.NoError(t, run(t.Context(), func() {
		require.Empty(t, g.idle, "it is in use")
		require.NoError(t, run(t.Context(), func() {}))
		require.NotEqual(t, kept, <-g.idle, "another one is needed, and kept")
	}))
	require.Equal(t, kept, <-g.idle)

	release, began := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-began
		cancel(errors.New("enough"))
	}()
	require.EqualError(t, run(ctx, func() { close(began); <-release }), "abandoned: enough")
	require.Empty(t, g.idle, "nobody may wait for it")
	require.NoError(t, run(t.Context(), func() {}), "another one does the next")
	close(release)
	close(<-g.idle)
	close(kept)
}
