package engine

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// declaredResults returns the constants of type [Result].
func declaredResults(t *testing.T) (all []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "call.go", nil, parser.SkipObjectResolution)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		c, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if of, ok := c.Type.(*ast.Ident); ok && of.Name == reflect.TypeOf(Applied).Name() {
			value, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			all = append(all, value)
		}
		return true
	})
	require.NotEmpty(t, all)
	return all
}

// adding is an adder without additions.
type adding struct{ mutator.Adder }

func TestResultsOf(t *testing.T) {
	all := mutator.Feature{Additions: adding{}, PrunesSecrets: true}
	require.ElementsMatch(t, declaredResults(t), ResultsOf(&all, mutator.HookTranslation))
	for _, h := range mutator.Hooks() {
		for _, f := range []*mutator.Feature{{}, &all} {
			if h != mutator.HookTranslation || f != &all {
				require.NotSubset(t, ResultsOf(f, h), []string{string(Added)})
				require.NotSubset(t, ResultsOf(f, h), []string{string(Pruned)})
				require.Len(t, ResultsOf(f, h), len(declaredResults(t))-3)
			}
		}
	}
}

// TestResultsAreDocumented compares the results with the documentation.
func TestResultsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics-and-logs.md")
	require.NoError(t, err)
	row := regexp.MustCompile("(?m)^\\| `egraft_mutator_results_total` \\|[^|]*\\|(.*)\\|$").FindSubmatch(page)
	require.NotNil(t, row)
	var documented []string
	for _, m := range regexp.MustCompile("`([a-z-]+)`").FindAllSubmatch(row[1], -1) {
		documented = append(documented, string(m[1]))
	}
	require.ElementsMatch(t, declaredResults(t), documented)
}
