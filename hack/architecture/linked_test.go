package architecture

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLinked: no function of egraft's looks for a method by a name that it makes. With one, the linker
// cannot tell which methods are needed, and keeps all that are exported of all types: Envoy's messages
// and Kubernetes' have tens of thousands, a fifth of the program. Templates of text/template and
// html/template do it, also those of libraries.
func TestLinked(t *testing.T) {
	require.Empty(t, strings.Join(reflecting(linked(t, "-tags", "grpcnotrace", "../../cmd/egraft")), "\n"))
}

// TestLinkedTemplate is how TestLinked fails.
func TestLinkedTemplate(t *testing.T) {
	source := filepath.Join(t.TempDir(), "main.go")
	require.NoError(t, os.WriteFile(source, []byte(`package main

import (
	"os"
	"text/template"
)

func main() { _ = template.Must(template.New("").Parse(os.Args[1])).Execute(os.Stdout, os.Args) }
`), 0o600))
	chains := reflecting(linked(t, source))
	require.NotEmpty(t, chains)
	require.Contains(t, chains[0], "main.main -> text/template.")
	require.Contains(t, chains[0], "text/template.(*state).evalField")
}

// linked is what the linker tells of a program: lines of symbols, the one that needs and the needed one.
func linked(t *testing.T, build ...string) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("links egraft")
	}
	args := append([]string{"build", "-trimpath", "-ldflags=-dumpdep", "-o", filepath.Join(t.TempDir(), "program")}, build...)
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stderr = &out
	require.NoError(t, cmd.Run(), "%.2000s", &out)
	require.Contains(t, out.String(), "_ -> go:main.inittasks\n", "the linker's lines have another form")
	return out.Bytes()
}

// reflecting are the functions by which methods are looked for, each with how the program gets there.
// Those that are methods themselves are kept because of the others.
func reflecting(dump []byte) (chains []string) {
	const mark = " <ReflectMethod>"
	by := map[string]string{}
	for text := range strings.Lines(string(dump)) {
		from, to, ok := strings.Cut(strings.TrimSuffix(text, "\n"), " -> ")
		to, found := strings.CutSuffix(to, mark)
		if from, to = symbol(from), symbol(to); !ok || by[to] != "" {
			continue
		}
		by[to] = from
		if found && !strings.HasPrefix(from, "type:") {
			chains = append(chains, chain(by, to))
		}
	}
	return chains
}

// symbol is a name without what the linker knows of it.
func symbol(text string) string {
	name, _, _ := strings.Cut(text, " <")
	return name
}

// chain is the way to a symbol, the end of it if it is long.
func chain(by map[string]string, symbol string) string {
	way := symbol
	for range 30 {
		if symbol = by[symbol]; symbol == "" || symbol == "_" {
			break
		}
		way = symbol + " -> " + way
	}
	return way
}
