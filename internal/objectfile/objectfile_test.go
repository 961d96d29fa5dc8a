package objectfile_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/objectfile"
)

func TestRead(t *testing.T) {
	all, err := objectfile.Read([]byte("# nothing\n---\n"+`{"apiVersion":"a/v1","kind":"K","metadata":{"name":"n"}}`), "default")
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "K default/n", all[0].String())
	for text, want := range map[string]string{
		"a: [":          "document 1: is not valid YAML or JSON",
		"SECRET":        "document 1: is not a custom resource: it must have apiVersion, kind and metadata.name",
		"kind: K\n":     "document 1: is not a custom resource: it must have apiVersion, kind and metadata.name",
		"a: 1\na: 2\n":  "document 1: is not valid YAML or JSON",
		"metadata: [1]": "document 1: is not a custom resource: it must have apiVersion, kind and metadata.name",
	} {
		_, err := objectfile.Read([]byte(text), "")
		require.EqualError(t, err, want)
	}
}
