//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/envoyfilter"
)

// TestFiltersOfEnvoy: egraft's list of HTTP filters and their messages equals the one that Envoy
// reports.
func TestFiltersOfEnvoy(t *testing.T) {
	needs(t, here)
	known := map[string][]string{}
	for _, f := range envoyfilter.All() {
		messages := slices.DeleteFunc([]string{f.Chain, f.Route}, func(m string) bool { return m == "" })
		slices.Sort(messages)
		known[f.Name] = slices.Compact(messages)
	}
	extensions := extensionsOf(t)
	require.Equal(t, filtersOf(extensions, "envoy.filters.http"), known)
	upstream := map[string][]string{}
	for _, f := range envoyfilter.All() {
		if f.IsUpstream {
			messages := slices.DeleteFunc([]string{f.Chain, f.UpstreamRoute}, func(m string) bool { return m == "" })
			slices.Sort(messages)
			upstream[f.Name] = slices.Compact(messages)
		}
	}
	require.Equal(t, filtersOf(extensions, "envoy.filters.http.upstream"), upstream)
}

// notKnown are filters that a FilterPolicy cannot use: three end a chain, and one is a matcher for
// other filters.
var notKnown = []string{"router", "mcp_router", "upstream_codec", "match_delegate"}

// filtersOf returns the HTTP filters of a category and their messages.
func filtersOf(extensions []builtIn, category string) map[string][]string {
	out := map[string][]string{}
	for _, e := range extensions {
		_, name, _ := strings.Cut(e.Name, ".http.")
		if e.Category != category || len(e.TypeURLs) == 0 || slices.Contains(notKnown, name) {
			continue // a filter without messages is an old name of another
		}
		if name == "upstream_rbac" { // Envoy finds it by its message
			name = "rbac"
		}
		// Envoy lists the message and rejects it on every route.
		e.TypeURLs = slices.DeleteFunc(e.TypeURLs, func(m string) bool { return strings.HasSuffix(m, ".RateLimitQuotaOverride") })
		slices.Sort(e.TypeURLs)
		out[name] = e.TypeURLs
	}
	return out
}

type builtIn struct {
	Name     string   `json:"name"`
	Category string   `json:"category"`
	TypeURLs []string `json:"type_urls"`
}

// extensionsOf starts an Envoy without configuration and returns its built-in extensions.
func extensionsOf(t *testing.T) []builtIn {
	t.Helper()
	const admin = "127.0.0.1:19910"
	programs, err := parts.Prepared(parts.Envoy)
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "log"), 0o755))
	config := filepath.Join(dir, "envoy.json")
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `{"admin":{"address":{"socketAddress":{"address":"127.0.0.1","portValue":19910}}}}`), 0o600))
	p := process.New(dir, "envoy", programs[parts.Envoy], "--config-path", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
	require.NoError(t, p.Start())
	t.Cleanup(func() { _ = p.Stop() })
	require.Eventually(t, func() bool {
		response, err := http.Get("http://" + admin + "/ready")
		return err == nil && response.Body.Close() == nil
	}, time.Minute, 100*time.Millisecond)
	page, err := envoy.Page(t.Context(), "http://"+admin+"/config_dump?mask=bootstrap.node.extensions")
	require.NoError(t, err)
	var dump struct {
		Configs []struct {
			Bootstrap struct {
				Node struct {
					Extensions []builtIn `json:"extensions"`
				} `json:"node"`
			} `json:"bootstrap"`
		} `json:"configs"`
	}
	require.NoError(t, json.Unmarshal(page, &dump))
	require.NotEmpty(t, dump.Configs)
	return dump.Configs[0].Bootstrap.Node.Extensions
}
