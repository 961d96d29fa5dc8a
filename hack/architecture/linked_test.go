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

// TestLinked: no function in egraft looks up a method by a computed name. If one does, the linker
// cannot tell which methods are needed and keeps all exported methods of all types: Envoy's and
// Kubernetes' messages have tens of thousands, a fifth of the program. Templates of text/template
// and html/template do that, including those in libraries.
func TestLinked(t *testing.T) {
	require.Empty(t, strings.Join(reflecting(linked(t, "-tags", "grpcnotrace", "../../cmd/egraft")), "\n"))
}

// TestLinkedTemplate shows how TestLinked fails.
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

// linked returns the linker's dependency dump of a program. Each line names a symbol and one that
// it needs.
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

// reflecting returns the call chains to functions that look up methods. It omits methods, which the
// linker keeps only because of the other functions.
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

// symbol removes the linker's annotations from a name.
func symbol(text string) string {
	name, _, _ := strings.Cut(text, " <")
	return name
}

// chain returns the path to a symbol; if the path is long, only its end.
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
