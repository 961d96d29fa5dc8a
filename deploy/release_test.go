package deploy

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/version"
)

// mentions are the forms in which texts name a release of egraft.
var mentions = []*regexp.Regexp{
	regexp.MustCompile(regexp.QuoteMeta(version.Image) + `:([\w.+-]+)`),
	regexp.MustCompile(regexp.QuoteMeta(version.Image) + `\n\s+newTag: (\S+)`),
	regexp.MustCompile(`(?:egraft|gateway-helm-egraft)[-_]v?(\d+\.\d+\.\d+[\w.+-]*?)(?:_\w+|\.tgz|\.tar)`),
	regexp.MustCompile(`github\.com/egraft/egraft//\S+\?ref=([\w.+-]+)`),
	regexp.MustCompile(`make release VERSION=(\S*\d)`),
}

// others returns the mentions of another release in a text.
func others(text string) (out []string) {
	for _, m := range mentions {
		for _, found := range m.FindAllStringSubmatch(text, -1) {
			if "v"+strings.TrimPrefix(found[1], "v") != version.Release {
				out = append(out, found[0])
			}
		}
	}
	return out
}

// TestRelease: manifests, charts and pages name only the release in internal/version.
func TestRelease(t *testing.T) {
	// docs/upgrade.md is about the next release.
	paths := []string{"../README.md", "../RELEASES.md", "../docs/install.md"}
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && slices.Contains([]string{".yaml", ".md", ".tpl", ".sh"}, filepath.Ext(path)) {
			paths = append(paths, path)
		}
		return err
	}))
	named := 0
	for _, path := range paths {
		text := read(t, path)
		require.Empty(t, others(text), path)
		named += strings.Count(text, version.Release)
	}
	require.Greater(t, named, 5)
	require.Equal(t, []string{version.Image + ":dev", "egraft-9.9.9.tgz"}, others("image: "+version.Image+":dev\negraft-9.9.9.tgz"), "the test can fail")

	number := strings.TrimPrefix(version.Release, "v")
	for path, want := range map[string]map[string]string{
		"charts/egraft/Chart.yaml": {"version": number, "appVersion": version.Release},
		"helm/plugin/plugin.yaml":  {"version": number},
	} {
		var got map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(read(t, path)), &got))
		for field, value := range want {
			require.Equal(t, value, got[field], path+": "+field)
		}
	}
}

// TestScripts: the scripts that build the image and the release read the release from
// internal/version.
func TestScripts(t *testing.T) {
	for _, script := range []string{"hack/image.sh", "hack/release.sh"} {
		line := regexp.MustCompile(`(?m)^release=.*$`).FindString(read(t, "../"+script))
		cmd := exec.CommandContext(t.Context(), "bash", "-euc", line+"; echo $release")
		cmd.Dir = ".."
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Equal(t, version.Release+"\n", string(out), script)
		require.NotContains(t, read(t, "../"+script), version.Release+"\"", script)
	}
}

// TestChangelog: CHANGELOG.md has the form of Keep a Changelog, and its newest section is that of
// the release.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile("../CHANGELOG.md")
	require.NoError(t, err)
	headings := regexp.MustCompile(`(?m)^## .*$`).FindAllString(string(text), -1)
	require.Equal(t, "## [Unreleased]", headings[0])
	number := strings.TrimPrefix(version.Release, "v")
	require.Regexp(t, `^## \[`+regexp.QuoteMeta(number)+`\] - \d{4}-\d\d-\d\d$`, headings[1])
	for _, h := range headings {
		require.Regexp(t, `^## \[(Unreleased|\d+\.\d+\.\d+)\]( - \d{4}-\d\d-\d\d)?$`, h)
		name := h[len("## ["):strings.Index(h, "]")]
		require.Contains(t, string(text), "\n["+name+"]: https://"+version.Module+"/", "a link")
	}
	require.Contains(t, string(text), "\n[Unreleased]: https://"+version.Module+"/compare/"+version.Release+"...main\n")
	kinds := regexp.MustCompile(`(?m)^### (.*)$`).FindAllStringSubmatch(string(text), -1)
	for _, k := range kinds {
		require.Contains(t, []string{"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}, k[1])
	}
}
