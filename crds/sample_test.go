package crds

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// sample is a resource from a file.
type sample struct {
	path, name string
	object     map[string]any
	// want are the comment lines at the start of the file, and body is the rest.
	want []string
	body []byte
}

// samples reads the resources of a folder, sorted by name.
func samples(t *testing.T, folder string) (all []sample) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files, folder)
	for _, path := range files {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		s := sample{path: path, name: strings.TrimSuffix(filepath.Base(path), ".yaml"), object: parse(t, raw), body: raw}
		for bytes.HasPrefix(s.body, []byte("# ")) {
			line, rest, _ := bytes.Cut(s.body, []byte("\n"))
			s.want, s.body = append(s.want, string(line[2:])), rest
		}
		all = append(all, s)
	}
	return all
}

// rewrite replaces the comment.
func (s *sample) rewrite(t *testing.T, words []string) {
	t.Helper()
	s.want = words
	var out bytes.Buffer
	for _, line := range words {
		out.WriteString("# " + line + "\n")
	}
	out.Write(s.body)
	require.NoError(t, os.WriteFile(s.path, out.Bytes(), 0o644))
}

// parse reads YAML as an API server does.
func parse(t *testing.T, raw []byte) (object map[string]any) {
	t.Helper()
	asJSON, err := yaml.YAMLToJSONStrict(raw)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(asJSON, &object))
	return object
}
