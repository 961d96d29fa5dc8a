package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

func TestParse(t *testing.T) {
	o, err := parse([]string{"-sizes", "100,5000"})
	require.NoError(t, err)
	require.Equal(t, []int{100, 5000}, o.sizes)
	_, err = parse([]string{"-sizes", "100,100"})
	require.EqualError(t, err, `-sizes 100,100: "100" is not a number of routes from 101 to 99999`)
}

func TestChosen(t *testing.T) {
	list, err := chosen("egraft")
	require.NoError(t, err)
	require.Len(t, list, 2)
	require.Equal(t, baseline, list[0].name)
	_, err = chosen("other")
	require.EqualError(t, err, `there is no variant "other"`)
}

const stanza = `
extensionManager:
  hooks: {xdsTranslator: {post: [Route, Translation], translation: {cluster: {includeAll: true}}}}
  maxMessageSize: 256Mi
`

// TestConfiguration checks that a variant without hooks has the configuration that egraft prints,
// and that the others differ only in hooks.
func TestConfiguration(t *testing.T) {
	for name, want := range map[string]string{
		baseline:      "",
		egraftPrinted: "{post: [Route, Translation], translation: {cluster: {includeAll: true}}}",
		"plain-clusters": `{post: [Translation], translation: {cluster: {includeAll: true}, listener: {includeAll: false},
			route: {includeAll: false}, secret: {includeAll: false}}}`,
		egraftAll: `{post: [VirtualHost, Route, HTTPListener, Translation, Cluster, Endpoints], translation: {cluster: {includeAll: true},
			listener: {includeAll: true}, route: {includeAll: true}, secret: {includeAll: true}}}`,
	} {
		list, err := chosen(name)
		require.NoError(t, err)
		config, err := list[len(list)-1].configuration([]byte(stanza), false)
		require.NoError(t, err)
		got, err := yaml.Marshal(config["extensionManager"])
		require.NoError(t, err)
		expected := "null"
		if want != "" {
			expected = "{hooks: {xdsTranslator: " + want + "}, maxMessageSize: 256Mi}"
		}
		require.YAMLEq(t, expected, string(got), name)
		require.NotEmpty(t, config["provider"])
	}
}

func TestMetrics(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("# HELP a b\na_sum{runner=\"xds\",x=\"1\"} 1.5\na_sum{runner=\"xds\",x=\"2\"} 2\na_sum{runner=\"infra\"} 4\nab_sum{runner=\"xds\"} 8\n"))
	}))
	defer s.Close()
	m, err := scrape(t.Context(), s.URL)
	require.NoError(t, err)
	require.InDelta(t, 3.5, m.sum("a_sum", `runner="xds"`), 1e-9)
}

func TestResult(t *testing.T) {
	r := result{Variant: egraftAll, Routes: 100, samples: []sample{
		{snapshot: 30 * time.Millisecond, translation: 10 * time.Millisecond, translations: 1},
		{snapshot: 50 * time.Millisecond, translation: 40 * time.Millisecond, translations: 2},
		{snapshot: 40 * time.Millisecond, translation: 30 * time.Millisecond, translations: 1},
	}}
	r.used = usage{gateway: 90 * time.Millisecond, extension: 30 * time.Millisecond, calls: calls{count: 8, seconds: 0.04, requestBytes: 400}}
	r.settle()
	r.samples, r.used = nil, usage{}
	require.Equal(t, result{
		Variant: egraftAll, Routes: 100, Changes: 3, Snapshot: 40, Slowest: 50, Translation: 30, TranslationMedian: 30,
		Calls: 2, CallsTime: 10, RequestBytes: 100, GatewayCPU: 30, ServerCPU: 10,
	}, r)
	none := result{Variant: baseline, Routes: 100, TranslationMedian: 10}
	require.Equal(t, []goal{{"egraft-all, egraft's part / Envoy Gateway's", 100, 1, 1}}, goals([]result{none, r}))
}
