package progress

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// pass advances synctest's clock.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // the clock is synctest's
	synctest.Wait()
}

func TestALineAMinuteWithoutATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := New(&out)
		d.Indent("  ")
		assert.Same(t, d, New(d))
		assert.False(t, d.Terminal())
		d.Say("%s: begins", "a")
		task, other := d.Task("a"), d.Task("b")
		task.Expect(4, 400, "packages", "linking")
		pass(59 * time.Second)
		assert.Equal(t, "  a: begins\n", out.String())
		task.Step(100)
		pass(time.Second)
		assert.Equal(t, "  a: begins\n  a: 1 of 4 packages, 1m so far, about 3m left; b: 1m so far\n", out.String())
		assert.Equal(t, time.Minute, other.End())
		task.End()
		out.Reset()
		pass(time.Hour)
		assert.Empty(t, out.String())
	})
}

func TestOneLineOnATerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		d := New(&out)
		d.width = func() int { return 30 }
		task := d.Task("envoy-gateway")
		task.Expect(2103, 2103, "packages", "linking")
		pass(onTerminal)
		assert.Equal(t, clear+"envoy-gateway: 0 of 2103 pack", out.String(), "cut to the width")
		out.Reset()
		_, err := d.Write([]byte("a line\n"))
		assert.NoError(t, err)
		assert.Equal(t, clear+"a line\n", out.String(), "erased before another line")
		out.Reset()
		d.Pause()
		pass(time.Minute)
		assert.Empty(t, out.String())
		d.Resume()
		pass(onTerminal)
		assert.True(t, strings.HasPrefix(out.String(), clear))
		task.End()
		assert.True(t, strings.HasSuffix(out.String(), clear), "erased at the end")
	})
}

func TestEstimateOfTheLastMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(&bytes.Buffer{})
		task := d.Task("a")
		task.Expect(1000, 1000, "packages", "linking")
		assert.Equal(t, "a: 0 of 1000 packages, 0s so far", task.String())
		for range 100 { // slow at first
			pass(3 * time.Second)
			task.Step(1)
		}
		assert.Equal(t, "a: 100 of 1000 packages, 5m so far, about 45m left", task.String())
		for range 120 {
			pass(time.Second)
			task.Step(5)
		}
		assert.Equal(t, "a: 220 of 1000 packages, 7m so far, about 1m left", task.String())
		pass(time.Hour)
		assert.Equal(t, "a: 220 of 1000 packages, 1h7m so far", task.String(), "an estimate of hours is none")
		for range 780 {
			task.Step(0)
		}
		assert.Equal(t, "a: linking, 1h7m so far", task.String())
		task.End()
	})
}

func TestAFileIsNoTerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	assert.NoError(t, err)
	assert.False(t, New(file).Terminal())
	assert.NoError(t, file.Close())
}
