package callfile

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// generic reads a file without the fast path for lines.
func generic(data []byte) ([]Step, error) {
	var f File
	if err := decode(data, &f); err != nil {
		return nil, err
	}
	s, err := f.step("")
	return []Step{s}, err
}

// written returns the calls of the built-in features' cases, as [Marshal] writes them.
func written(t testing.TB) (all [][]byte) {
	t.Helper()
	cases, err := filepath.Glob("../../pkg/features/*/testdata/*/in.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, cases)
	for _, path := range cases {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		steps, err := Parse(data)
		require.NoError(t, err)
		for _, s := range steps {
			text, err := Marshal(s.Call, &s.Metadata)
			require.NoError(t, err)
			all = append(all, text)
		}
	}
	return all
}

// TestLines: the output of Marshal is read without decoding JSON, and results in the same call.
func TestLines(t *testing.T) {
	for _, text := range written(t) {
		f := &File{}
		require.True(t, lines(text, f), string(text))
		fast, err := f.step("")
		require.NoError(t, err)
		slow, err := generic(text)
		require.NoError(t, err)
		require.Len(t, slow, 1)
		require.Equal(t, slow[0], fast)
	}
}

// TestOtherLines: JSON with other content in its lines is read as JSON, and invalid JSON results in
// the same error.
func TestOtherLines(t *testing.T) {
	const head = "{\n\"hook\": \"Translation\",\n\"resources\": {\n\"Cluster\": [\n"
	for _, test := range []struct {
		name, text string
		isLines    bool
	}{
		{"as it is written", head + "{\"name\":\"a\"},\n{\"name\":\"b\"}]}\n}\n", true},
		{"two kinds", head + "{\"name\":\"a\"}],\n\"Secret\": [\n{\"name\":\"b\"}]}\n}\n", true},
		{"a resource in two lines", head + "{\"name\":\n\"a\"}]}\n}\n", false},
		{"two resources in a line", head + "{\"name\":\"a\"}, {\"name\":\"b\"}]}\n}\n", true},
		{"lists in lines", head + "{\"filters\":[{\"name\":\"x\"}],\n\"transportSocketMatches\": [\n{\"name\":\"y\"}]},\n{\"name\":\"b\"}]}\n}\n", true},
		{"not closed", head + "{\"name\":\"a\"}]}\n", false},
		{"a field follows", head + "{\"name\":\"a\"}]},\n\"hostnames\": []\n}\n", false},
		{"text follows", head + "{\"name\":\"a\"}]}\n}\n}\n", false},
		{"no comma", "{\n\"hook\": \"Translation\"\n\"resources\": {\n\"Cluster\": [\n{\"name\":\"a\"}]}\n}\n", false},
		{"two values", "{\n\"hook\": \"Translation\"}, {\"hook\": \"Route\",\n\"resources\": {\n\"Cluster\": [\n{\"name\":\"a\"}]}\n}\n", false},
		{"a kind twice", head + "{\"name\":\"a\"}],\n\"Cluster\": [\n{\"name\":\"b\"}]}\n}\n", false},
		{"resources twice", "{\n\"hook\": \"Translation\",\n\"resources\": {\"Cluster\": [{\"name\":\"x\"}]},\n\"resources\": {\n\"Secret\": [\n{\"name\":\"a\"}]}\n}\n", false},
		{"calls", "{\n\"calls\": [],\n\"resources\": {\n\"Cluster\": [\n{\"name\":\"a\"}]}\n}\n", false},
		{"unknown field", head + "{\"nam\":\"a\"}]}\n}\n", true},
		{"unknown kind", "{\n\"hook\": \"Translation\",\n\"resources\": {\n\"Clusters\": [\n{\"name\":\"a\"}]}\n}\n", true},
		{"unknown hook", "{\n\"hook\": \"None\",\n\"resources\": {\n\"Cluster\": [\n{\"name\":\"a\"}]}\n}\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, test.isLines, lines([]byte(test.text), &File{}))
			requireSame(t, []byte(test.text))
		})
	}
}

// requireSame reads a file in both ways and compares the results.
func requireSame(t *testing.T, text []byte) {
	t.Helper()
	want, wantErr := generic(text)
	got, err := Parse(text)
	if wantErr != nil {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	require.Equal(t, want, got)
}

// FuzzLines: both ways to read a file result in the same call.
func FuzzLines(f *testing.F) {
	for _, text := range written(f)[:20] {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if lines(text, &File{}) {
			requireSame(t, text)
		}
	})
}
