package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	egraft "github.com/egraft/egraft/internal/version"
)

// ownChart is the name of egraft's own chart.
const ownChart = "egraft"

// writeOwn copies deploy/charts/egraft, and the CRDs and alerts that its templates read, as the
// chart of a version.
func writeOwn(root, version, dir string) error {
	from, to := filepath.Join(root, "deploy", "charts", ownChart), filepath.Join(dir, ownChart)
	if err := copyFiles(from, to, "Chart.yaml", "values.yaml"); err != nil {
		return err
	}
	if err := copyMatching(filepath.Join(from, "templates"), filepath.Join(to, "templates"), "*"); err != nil {
		return err
	}
	if err := copyCRDs(root, to); err != nil {
		return err
	}
	if err := copyFiles(filepath.Join(root, "deploy", "monitoring", "alerts"), filepath.Join(to, "files"), "rules.yaml"); err != nil {
		return err
	}
	return edit(filepath.Join(to, "Chart.yaml"), func(text string) (string, error) {
		return replaced(text, "version: "+strings.TrimPrefix(egraft.Release, "v"), "version: "+strings.TrimPrefix(version, "v"), "appVersion: "+egraft.Release, "appVersion: "+version)
	})
}

// copyCRDs copies the CRDs to the folder in which the templates of both charts look for them.
func copyCRDs(root, chart string) error {
	return copyMatching(filepath.Join(root, "crds"), filepath.Join(chart, "files", "crds"), "egraft.io_*.yaml")
}

// copyMatching copies the files in a directory that match a pattern. At least one file must match.
func copyMatching(from, to, pattern string) error {
	found, err := fs.Glob(os.DirFS(from), pattern)
	if err != nil {
		return fmt.Errorf("list %s: %w", from, err)
	}
	if len(found) == 0 {
		return fmt.Errorf("%s has no %s", from, pattern)
	}
	return copyFiles(from, to, found...)
}

func copyFiles(from, to string, names ...string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("make a directory of a chart: %w", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			return fmt.Errorf("read a file of a chart: %w", err)
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o644); err != nil {
			return fmt.Errorf("write a file of a chart: %w", err)
		}
	}
	return nil
}

// edit changes the text of a file.
func edit(path string, change func(string) (string, error)) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read a file of a chart: %w", err)
	}
	changed, err := change(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}

// replaced replaces lines, each of which must occur exactly once in the text.
func replaced(text string, oldNew ...string) (string, error) {
	for i := 0; i < len(oldNew); i += 2 {
		if n := strings.Count("\n"+text, "\n"+oldNew[i]+"\n"); n != 1 {
			return "", fmt.Errorf("the line %q is there %d times, not once", oldNew[i], n)
		}
		text = strings.TrimPrefix(strings.Replace("\n"+text, "\n"+oldNew[i]+"\n", "\n"+oldNew[i+1]+"\n", 1), "\n")
	}
	return text, nil
}
