package printer

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestPrinterIsPlainUnlessOnATerminal(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	assert.NoError(t, err)
	assert.False(t, IsTerminal(file))
	assert.NoError(t, file.Close())

	var out bytes.Buffer
	p := New(&out, false)
	p.Title("title")
	p.Step(2, "what", "why")
	p.Say("%d of %d", 1, 2)
	p.Block("a\n  b\n")
	p.started = time.Now()
	p.Done()
	assert.Equal(t, "title\n\n2. what\n   why\n   1 of 2\n   | a\n   |   b\n   ok (0.0 s)\n", out.String())
}

func TestPrinterInColour(t *testing.T) {
	t.Setenv("TERM", "xterm")
	t.Setenv("NO_COLOR", "")
	var out bytes.Buffer
	New(&out, true).Title("title")
	assert.Equal(t, bold+"title"+reset+"\n", out.String())
	t.Setenv("NO_COLOR", "1")
	assert.False(t, New(&out, true).colour)
}
