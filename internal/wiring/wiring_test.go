package wiring_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/wiring"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

const head = "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyGateway\n"

func parse(t *testing.T, text string) *wiring.Config {
	t.Helper()
	c, err := wiring.Parse([]byte(head + text))
	require.NoError(t, err)
	return c
}

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"kind: Deployment": `kind "Deployment" is not EnvoyGateway`,
		"":                 `kind "" is not EnvoyGateway`,
		"kind: ConfigMap":  "the ConfigMap has no data.envoy-gateway.yaml",
		"kind: ConfigMap\ndata: {envoy-gateway.yaml: 'kind: ConfigMap'}": "the ConfigMap has a ConfigMap in it",
		"kind: [": "parse Envoy Gateway's configuration: error converting YAML to JSON: yaml: line 1: did not find expected node content",
	} {
		_, err := wiring.Parse([]byte(text))
		require.EqualError(t, err, want, text)
	}
	c, err := wiring.Parse([]byte("kind: ConfigMap\ndata: {envoy-gateway.yaml: '{kind: EnvoyGateway, extensionManager: {name: x}}'}"))
	require.NoError(t, err)
	require.Equal(t, "x", c.Managers()[0].Name)
}

func TestIncludesHaveDefaults(t *testing.T) {
	included := func(hooks string) (out []string) {
		m := parse(t, "extensionManager: {hooks: "+hooks+"}").Managers()[0]
		for _, kind := range []string{"cluster", "listener", "route", "secret"} {
			if m.Includes(kind) {
				out = append(out, kind)
			}
		}
		return out
	}
	require.Equal(t, []string{"cluster", "secret"}, included("null"))
	require.Equal(t, []string{"cluster", "secret"}, included("{xdsTranslator: {post: [Translation]}}"))
	require.Equal(t, []string{"cluster", "secret"}, included("{xdsTranslator: {translation: {cluster: {}}}}"))
	require.Equal(t, []string{"listener"}, included(
		"{xdsTranslator: {translation: {cluster: {includeAll: false}, secret: {includeAll: false}, listener: {includeAll: true}}}}"))
}

func TestEgrafts(t *testing.T) {
	needs := &wiring.Needs{Policies: []wiring.Kind{{Group: "egraft.io", Version: "v1", Kind: "P"}}}
	for _, test := range []struct {
		name, text string
		want       int
	}{
		{"none", "", -1},
		{"another alone", "extensionManager: {service: {unix: {path: /other}}}", -1},
		{"the socket", "extensionManager: {service: {unix: {path: /s}}}", 0},
		{"a kind in another version", "extensionManagers: [{name: a}, {policyResources: [{group: egraft.io, version: v0, kind: P}]}, {name: b}]", 1},
		{"the name", "extensionManagers: [{name: egraft}, {name: b}]", 0},
		{"the socket rather than the name", "extensionManagers: [{name: b, service: {unix: {path: /s}}}, {name: egraft}]", 0},
	} {
		require.Equal(t, test.want, parse(t, test.text).Egrafts(needs, "/s"), test.name)
	}
}

func TestAddress(t *testing.T) {
	for service, want := range map[string]string{
		"null": "nowhere", "{unix: {path: /a}}": "/a", "{fqdn: {hostname: h, port: 1}}": "h:1",
		"{ip: {address: 'fd00::1', port: 2}}": "[fd00::1]:2", "{host: h, port: 3}": "h:3",
	} {
		require.Equal(t, want, parse(t, "extensionManager: {service: "+service+"}").Managers()[0].Address())
	}
}

func TestNeedsNameTheirFeatures(t *testing.T) {
	n := wiring.NeedsOf(catalog.Builtin(catalog.Options{}))
	require.Equal(t, []string{"original-destination"}, n.For[mutator.HookCluster])
	for _, h := range n.Hooks {
		require.NotEmpty(t, n.For[h], h)
	}
	for _, i := range n.Includes {
		require.Equal(t, i.All, len(i.For) > 0, i.Kind)
		if i.Kind == "secret" {
			require.Equal(t, []string{"frontend-mtls"}, i.For)
		}
	}
}
