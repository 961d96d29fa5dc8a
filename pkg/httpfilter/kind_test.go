package httpfilter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/httpfilter"
)

func TestKindOf(t *testing.T) {
	for name, want := range map[string]httpfilter.Kind{
		"envoy.filters.http.router":                               httpfilter.Router,
		"envoy.filters.http.lua/envoyextensionpolicy/default/p/0": httpfilter.Lua,
		"envoy.filters.http.ratelimit":                            httpfilter.RateLimit,
		"envoy.filters.http.local_ratelimit":                      httpfilter.LocalRateLimit,
		"envoy.filters.http.rbac":                                 httpfilter.RBAC,
		httpfilter.LastPrefix + "gate":                            httpfilter.Router,
		"envoy.filters.http.tap":                                  "",
		"example.com/envoy.filters.http.lua":                      "",
		"":                                                        "",
	} {
		require.Equal(t, want, httpfilter.KindOf(name), name)
	}
}

func TestOrderIsACopy(t *testing.T) {
	httpfilter.Order()[0] = "other"
	require.Equal(t, httpfilter.CustomResponse, httpfilter.Order()[0])
}

// TestOrderIsEnvoyGateways: the order is the one in the source of the version in go.mod.
func TestOrderIsEnvoyGateways(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway").Output()
	require.NoError(t, err)
	read := func(file string) string {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), file))
		require.NoError(t, err)
		return string(text)
	}
	kinds := map[string]httpfilter.Kind{}
	for _, m := range regexp.MustCompile(`(EnvoyFilter\w+) +EnvoyFilter = "(.*)"`).FindAllStringSubmatch(read("api/v1alpha1/envoyproxy_types.go"), -1) {
		kinds[m[1]] = httpfilter.Kind(m[2])
	}
	var theirs []httpfilter.Kind
	for _, m := range regexp.MustCompile(`case isFilterType\(filter, egv1a1\.(\w+)\):`).FindAllStringSubmatch(read("internal/xds/translator/httpfilters.go"), -1) {
		theirs = append(theirs, kinds[m[1]])
	}
	require.Equal(t, theirs, httpfilter.Order())
	require.Len(t, kinds, len(theirs), "kinds that have no place")
}
