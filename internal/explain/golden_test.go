package explain_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/catalog"
)

var update = flag.Bool("update", false, "write the golden files")

// explainer returns an Explainer with all built-in features.
func explainer(t testing.TB) *explain.Explainer {
	t.Helper()
	features := catalog.Builtin(catalog.Options{MaxBufferBytes: 1 << 20})
	e, err := engine.New(features)
	require.NoError(t, err)
	return &explain.Explainer{Engine: e, Features: features}
}

// text explains a subject from a recording, as egraft explain prints it.
func text(t testing.TB, r *recording.Recording, q explain.Query) string {
	t.Helper()
	report, err := explainer(t).Explain(t.Context(), r, q)
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, terminal.Style{}))
	return b.String()
}

// TestGolden explains cases of the features' own tests.
func TestGolden(t *testing.T) {
	for _, test := range []struct {
		name, from string
		q          explain.Query
	}{
		{"conflict", "backendmtls/testdata/conflict", explain.Query{}},
		{"routes", "backendmtls/testdata/route-beats-gateway", explain.Query{Diff: true}},
		{"grpc", "backendmtls/testdata/grpcroute-hook", explain.Query{}},
		{"invalid", "backendmtls/testdata/invalid-policy", explain.Query{Diff: true}},
		{"gateway", "frontendmtls/testdata/required", explain.Query{Subject: explain.Subject{Kind: "Gateway", Namespace: "default", Name: "eg"}}},
		{"no-target", "buffer/testdata/no-target", explain.Query{}},
		{"not-included", "backendmtls/testdata/routes-not-included", explain.Query{}},
		{"filters", "hedge/testdata/two-filters", explain.Query{}},
		{"failed", "frontendmtls/testdata/tls-setting-of-one-of-several", explain.Query{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := recording.Open(filepath.Join("..", "..", "pkg", "features", test.from))
			require.NoError(t, err)
			have := text(t, r, test.q)
			path := filepath.Join("testdata", test.name+".txt")
			if *update {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(path, []byte(have), 0o600))
			}
			want, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, string(want), have)
		})
	}
}
