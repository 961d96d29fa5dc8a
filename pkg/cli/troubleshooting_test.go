package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/pkg/mutator"
)

const troubleshooting = "../../docs/troubleshooting.md"

// said are messages that the page quotes in its text, in addition to whole lines of the log.
var said = []string{
	"serving", "listen for Envoy Gateway: ", "exists and is not a socket",
	"mutator failed", "the policy for this route cannot be applied",
	"socket removed, new clients cannot connect",
}

func TestTroubleshooting(t *testing.T) {
	content, err := os.ReadFile(troubleshooting)
	require.NoError(t, err)
	page := string(content)
	require.NoError(t, quotes(page, literals(t)))
	require.NoError(t, linksLead(page, filepath.Dir(troubleshooting)))
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	require.NoError(t, linksLead(string(readme), "../.."))
	for _, flag := range regexp.MustCompile("`(--[a-z-]+)").FindAllStringSubmatch(page, -1) {
		require.True(t, slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return "--"+s.Flag == flag[1] }), flag[1])
	}
	for _, reason := range []mutator.Reason{mutator.Programmed, mutator.Invalid, mutator.Conflicted, mutator.Overridden, mutator.TargetNotFound, mutator.MatchedNothing, mutator.ApplyFailed} {
		require.Contains(t, page, "\n| `"+string(reason)+"` | ")
	}
}

// TestTroubleshootingRejects: the checks can fail.
func TestTroubleshootingRejects(t *testing.T) {
	known := literals(t)
	line := func(text string) string { return strings.Join(said, "") + "\n" + text + "\n" }
	require.NoError(t, quotes(line(`{"level":"WARN","msg":"rejected connection","uid":1}`), known))
	require.EqualError(t, quotes(line(`{"level":"WARN","msg":"turned one away"}`), known), `"turned one away" is not in the code`)
	require.EqualError(t, quotes(line(`{"level":"WARN","msg":"call","caller-of-it":1}`), known), `"caller-of-it" is not in the code`)
	require.ErrorContains(t, quotes(line(`{"level":`), known), "unexpected end of JSON input")
	require.EqualError(t, quotes("serving", known), `"listen for Envoy Gateway: " is not in the page`)
	require.EqualError(t, quotes(strings.Join(said, ""), nil), `"serving" is not in the code`)
	require.ErrorContains(t, linksLead("[x](nowhere.md)", "../../docs"), "nowhere.md")
	require.EqualError(t, linksLead("## A b\n[x](#a-c)", "../../docs"), "there is no heading for #a-c")
	require.EqualError(t, linksLead("[x](cli.md#egraft-x)", "../../docs"), "there is no heading for cli.md#egraft-x")
	require.NoError(t, linksLead("## A B's `c_d`: e\n[x](#a-bs-c_d-e) [y](cli.md#egraft-serve) [z](https://example.com)", "../../docs"))
}

// quotes searches the literals of the code for the log messages that a page quotes.
func quotes(page string, literals []string) error {
	for _, message := range said {
		if !strings.Contains(page, message) {
			return fmt.Errorf("%q is not in the page", message)
		}
		if !slices.ContainsFunc(literals, func(l string) bool { return strings.Contains(l, strings.TrimSuffix(message, ": ")) }) {
			return fmt.Errorf("%q is not in the code", message)
		}
	}
	for _, line := range regexp.MustCompile(`(?m)^\{.*$`).FindAllString(page, -1) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			return fmt.Errorf("%s: %w", line, err)
		}
		words := []string{fmt.Sprint(fields["msg"])}
		delete(fields, "msg")
		delete(fields, "level")
		for key := range fields {
			words = append(words, key)
		}
		for _, word := range words {
			if !slices.Contains(literals, word) {
				return fmt.Errorf("%q is not in the code", word)
			}
		}
	}
	return nil
}

// literals returns all strings in the code of the program.
func literals(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, root := range []string{"..", "../../internal"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
					text, unquoted := strconv.Unquote(l.Value)
					err = errors.Join(err, unquoted)
					out = append(out, text)
				}
				return true
			})
			return err
		}))
	}
	return out
}

// linksLead checks that the links of a page in a directory lead to files and their headings.
func linksLead(page, dir string) error {
	for _, link := range regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1) {
		path, anchor, _ := strings.Cut(link[1], "#")
		if strings.HasPrefix(path, "https:") {
			continue
		}
		target := page
		if path != "" {
			path = filepath.Join(dir, path)
			if info, err := os.Stat(path); err == nil && info.IsDir() && anchor != "" {
				path = filepath.Join(path, "README.md")
			}
			if _, err := os.Stat(path); err != nil {
				return err
			}
		}
		if path != "" && anchor != "" {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			target = string(content)
		}
		if anchor != "" && !slices.Contains(anchors(target), anchor) {
			return fmt.Errorf("there is no heading for %s", link[1])
		}
	}
	return nil
}

// anchors returns the anchors that GitHub creates for the headings of a page.
func anchors(page string) []string {
	var out []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		kept := regexp.MustCompile(`[^a-z0-9_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		out = append(out, strings.ReplaceAll(kept, " ", "-"))
	}
	return out
}
