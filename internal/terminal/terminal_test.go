package terminal_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/terminal"
)

func TestPrintable(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", ""},
		{"BackendMTLSPolicy default/mtls", "BackendMTLSPolicy default/mtls"},
		{"Größe → 日本", "Größe → 日本"},
		{"a\nb\r\tc", `a\nb\r\tc`},
		{"\x1b[31mred\x1b]0;title\a", `\x1b[31mred\x1b]0;title\a`},
		{"\u009b31m", `\u009b31m`},
		{"\u202eevil\u2066", `\u202eevil\u2066`},
		{"zero\u200bwidth", `zero\u200bwidth`},
		{"bad\xffbyte", `bad\ufffdbyte`},
		{"real \ufffd", "real \ufffd"},
	} {
		require.Equal(t, test.want, terminal.Printable(test.text))
	}
	require.Equal(t, "a\nb\\x1b", terminal.PrintableLines("a\nb\x1b"))
	long := terminal.Printable(strings.Repeat("x", 10_000))
	require.Less(t, len(long), 5000)
	require.Contains(t, long, "more bytes)")
	require.Len(t, terminal.PrintableLines(strings.Repeat("x", 10_000)), 10_000)
}

func TestStyle(t *testing.T) {
	require.Equal(t, "x", terminal.Style{}.Bad("x"))
	require.Equal(t, "\x1b[31mx\x1b[0m", terminal.Colored().Bad("x"))
	require.NotEqual(t, terminal.Colored().Good("x"), terminal.Colored().Warn("x"))
	require.Empty(t, terminal.Colored().Strong(""))
	require.Equal(t, "  + a\n    b\n", terminal.Style{}.Diff("  + a\n    b\n"))
	require.Equal(t, terminal.Colored().Good("  + a")+"\n    b\n"+terminal.Colored().Faint("(1)"), terminal.Colored().Diff("  + a\n    b\n(1)"))
}

func TestNew(t *testing.T) {
	require.False(t, terminal.New(&bytes.Buffer{}, nil).IsColored())
	f, err := os.Create(t.TempDir() + "/out")
	require.NoError(t, err)
	defer f.Close()
	require.False(t, terminal.New(f, nil).IsColored())
}
