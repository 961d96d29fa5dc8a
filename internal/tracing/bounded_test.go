package tracing

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// TestBounded: names come from the network, where nothing checks them.
func TestBounded(t *testing.T) {
	for name, text := range map[string]string{"not UTF-8": "a\xffb", "long": strings.Repeat("é", maxTextBytes), "cut in a rune": "x" + strings.Repeat("é", maxTextBytes)} {
		t.Run(name, func(t *testing.T) {
			got := bounded(text)
			require.True(t, utf8.ValidString(got))
			require.LessOrEqual(t, len(got), maxTextBytes+2*len("…"))
		})
	}
	require.Equal(t, "default/eg", bounded("default/eg"))
}
