//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestPage checks the page of an egraft that Envoy Gateway calls: it shows what happened, its links
// work, and its commands show the same.
func TestPage(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	f.routes(echoRoute)
	policy := f.env.Policy()
	f.effect(policy, echoRoute.Host(), seesEnvoy)
	later := f.env.Policy()
	later.Name = "newer" // without a creation time, the name decides
	f.policies(policy, later)

	overview := f.untilPage("/", "stops at stage 3")
	for _, want := range []string{
		"Yes. The last call ended", "1 policy.", "BackendMTLSPolicy default/newer", "EGR302", "What changed last?", "In effect", "BackendMTLSPolicy default/" + policy.Name,
	} {
		require.Contains(t, overview, want)
	}
	require.Regexp(t, `Translation [1-9]\d* 0`, overview, "calls of the hook")
	subject := "/explain?subject=backendmtlspolicy%2Fdefault%2F" + policy.Name
	gateway := "/explain?subject=gateway%2Fdefault%2Feg"
	require.Subset(t, f.links("/"), []string{subject, gateway})
	explained := f.untilPage(subject, "In effect")
	for _, want := range []string{"applied by egraft", "spiffe://", "What egraft changes", "backend-mtls", "History"} {
		require.Contains(t, explained, want)
	}
	commands := slices.Concat(f.commands("/"), f.commands(subject), f.commands(gateway), f.commands("/explain"))
	slices.Sort(commands)
	commands = slices.Compact(commands)
	require.Greater(t, len(commands), 8)
	for _, c := range commands {
		f.shell(c)
	}
	for _, link := range slices.Concat(f.links("/"), f.links(subject), f.links(gateway)) {
		if strings.HasPrefix(link, "/") {
			f.admin(link)
		}
	}
}

// admin returns the response of egraft's admin listener for a path.
func (f *fixture) admin(path string) string {
	f.t.Helper()
	text, err := envoy.Page(f.soon(), "http://"+standalone.EgraftAdminAddress+path)
	f.must(err)
	return string(text)
}

// untilPage returns the text of a page once it contains some words.
func (f *fixture) untilPage(path, words string) (text string) {
	f.t.Helper()
	f.must(process.Poll(f.soon(), words, func(context.Context) error {
		if text = textOf(f.document(path)); !strings.Contains(text, words) {
			return fmt.Errorf("%s: %s", path, text)
		}
		return nil
	}))
	return text
}

func (f *fixture) document(path string) *html.Node {
	f.t.Helper()
	doc, err := html.Parse(strings.NewReader(f.admin(path)))
	f.must(err)
	return doc
}

func textOf(n *html.Node) string {
	var words []string
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			words = append(words, strings.Fields(d.Data)...)
		}
	}
	return strings.Join(words, " ")
}

func (f *fixture) links(path string) (all []string) {
	for n := range f.document(path).Descendants() {
		for _, a := range n.Attr {
			if a.Key == "href" && n.Data == "a" {
				all = append(all, a.Val)
			}
		}
	}
	return all
}

// commands returns the commands of a page.
func (f *fixture) commands(path string) (all []string) {
	for n := range f.document(path).Descendants() {
		if text := textOf(n); n.Data == "code" && !strings.HasPrefix(text, "-") {
			all = append(all, text)
		}
	}
	return all
}

// shell runs a command of the page as a reader does. On pages about problems, commands exit with an
// error, but produce output.
func (f *fixture) shell(command string) {
	f.t.Helper()
	bin := f.t.TempDir()
	f.must(os.Symlink(f.EgraftProgram(), filepath.Join(bin, "egraft")))
	cmd := exec.CommandContext(f.soon(), "sh", "-c", command)
	cmd.Dir = bin
	cmd.Env = append(process.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "EGRAFT_ADMIN_ADDRESS="+standalone.EgraftAdminAddress)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && strings.HasPrefix(command, "egraft ") {
		require.ErrorAs(f.t, err, &exit, command)
		require.Equal(f.t, 1, exit.ExitCode(), "%s: %s", command, exit.Stderr)
		require.NotContains(f.t, strings.ReplaceAll(string(exit.Stderr), "egraft: not every policy is in effect", ""), "egraft: ", command)
	} else {
		require.NoError(f.t, err, command)
	}
	require.NotEmpty(f.t, out, command)
}
