package envoyadmin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
)

// pages is an Envoy with responses by path, and by resource of its config dump.
type pages map[string]string

func (p pages) RoundTrip(r *http.Request) (*http.Response, error) {
	key := r.URL.Path
	if resource := r.URL.Query().Get("resource"); resource != "" {
		key = resource
	}
	body, found := p[key]
	status := http.StatusOK
	switch {
	case body == "down":
		return nil, errors.New("connection refused")
	case !found:
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
}

const (
	live      = `{"version": "6d9bb7d9a85d616b220d1f8fe67b61f82bbdb8d3/1.39.1/Clean/RELEASE/BoringSSL", "state": "LIVE", "node": {"id": "x"}}`
	connected = "control_plane.connected_state: 1\n"
)

// envoy returns an Envoy with lists of its config dump, and statistics.
func envoy(stats string, lists pages) Envoy {
	p := pages{"/server_info": live, "/stats": connected + stats}
	for name, list := range lists {
		p[name] = list
	}
	return Envoy{Name: "default/envoy", Transport: p}
}

// wanted returns resources from JSON, by kind.
func wanted(t *testing.T, k mutator.Kind, resources ...string) (out []Resource) {
	t.Helper()
	for _, text := range resources {
		m, err := callfile.NewMessage(k)
		require.NoError(t, err)
		require.NoError(t, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal([]byte(text), m))
		encoded, err := proto.Marshal(m)
		require.NoError(t, err)
		name, err := callfile.NameOf(k, encoded)
		require.NoError(t, err)
		out = append(out, Resource{k, name, encoded})
	}
	return out
}

func clusters(bodies ...string) string {
	var entries []string
	for _, b := range bodies {
		entries = append(entries, `{"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump.DynamicCluster", "version_info": "1", "cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", `+b+`}}`)
	}
	return `{"configs": [` + strings.Join(entries, ",") + `]}`
}

func listener(body string) string {
	return `{"listener": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", ` + body + `}}`
}

const (
	tls      = `"transport_socket": {"name": "tls", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", "common_tls_context": {"tls_certificates": [{"private_key": {"inline_string": "%s"}}]}}}`
	rejected = "cluster_manager.cds.update_rejected: 2\n"
)

func TestCompare(t *testing.T) {
	cluster := `"name": "a", "connect_timeout": "5s"`
	other := `"name": "a", "connect_timeout": "9s"`
	none := `{}`
	secret := fmt.Sprintf(`"name": "a", `+tls, "KEY")
	for _, test := range []struct {
		name  string
		kind  mutator.Kind
		want  string
		envoy Envoy
		// expected status and problem
		status  Status
		problem string
	}{
		{"active", mutator.KindCluster, cluster, envoy("", pages{"dynamic_active_clusters": clusters(`"name": "b"`, cluster)}), Active, ""},
		{
			"a secret that Envoy redacts", mutator.KindCluster, secret,
			envoy("", pages{"dynamic_active_clusters": clusters(fmt.Sprintf(`"name": "a", `+tls, "[redacted]"))}), Active, "",
		},
		{"missing", mutator.KindCluster, cluster, envoy("", pages{"dynamic_active_clusters": none}), Missing, "EGR403 Envoy default/envoy does not have cluster a"},
		{
			"another version", mutator.KindCluster, cluster, envoy("", pages{"dynamic_active_clusters": clusters(other)}), Differs,
			"EGR404 Envoy default/envoy uses another version of cluster a: connect_timeout differ",
		},
		{
			"rejected", mutator.KindCluster, cluster, envoy(rejected, pages{"dynamic_active_clusters": clusters(other)}), Rejected,
			"EGR405 Envoy default/envoy rejected an update, and does not use cluster a as egraft returned it (2 rejected updates of clusters since it started; its log has the reasons)",
		},
		{"rejected before", mutator.KindCluster, cluster, envoy(rejected, pages{"dynamic_active_clusters": clusters(cluster)}), Active, ""},
		{
			"warming", mutator.KindCluster, cluster,
			envoy("cluster_manager.warming_clusters: 1\n", pages{"dynamic_active_clusters": clusters(other), "dynamic_warming_clusters": clusters(cluster)}), Warming,
			"EGR406 Envoy default/envoy has cluster a and does not use it yet",
		},
		{
			"an older one warms", mutator.KindCluster, cluster, envoy("", pages{"dynamic_warming_clusters": clusters(other)}), Differs,
			"EGR404 Envoy default/envoy uses another version of cluster a: connect_timeout differ",
		},
		{
			"draining", mutator.KindListener, `"name": "l"`,
			envoy("", pages{"dynamic_listeners": `{"configs": [{"name": "l", "active_state": ` + listener(`"name": "l"`) + `, "draining_state": ` + listener(`"name": "l", "stat_prefix": "x"`) + `}]}`}),
			Active, "EGR407 Envoy default/envoy still serves connections from before the update of listener l",
		},
		{
			"rejected with the reason", mutator.KindListener, `"name": "l", "stat_prefix": "x"`,
			envoy("", pages{"dynamic_listeners": `{"configs": [{"name": "l", "active_state": ` + listener(`"name": "l"`) + `, "error_state": {"details": "no such filter\u001b[2J"}}]}`}),
			Rejected, `EGR405 Envoy default/envoy rejected an update, and does not use listener l as egraft returned it: no such filter\x1b[2J`,
		},
		{
			"rejected from the first", mutator.KindListener, `"name": "l"`, envoy("", pages{"dynamic_listeners": `{"configs": [{"name": "l", "error_state": {"details": "no"}}]}`}),
			Rejected, "EGR405 Envoy default/envoy rejected an update, and does not use listener l as egraft returned it: no",
		},
		{
			"rejected with the update", mutator.KindListener, `"name": "l"`,
			envoy("", pages{"dynamic_listeners": `{"configs": [{"error_state": {"failed_configuration": {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", "name": "l"}, "details": "no"}}]}`}),
			Rejected, "EGR405 Envoy default/envoy rejected an update, and does not use listener l as egraft returned it: no",
		},
		{
			"routes", mutator.KindRouteConfiguration, `"name": "r"`,
			envoy("http.a.rds.r.update_rejected: 1\n", pages{"dynamic_route_configs": `{"configs": [{"route_config": {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", "name": "r", "internal_only_headers": ["x"]}}]}`}),
			Rejected, "EGR405 Envoy default/envoy rejected an update, and does not use route configuration r as egraft returned it (1 rejected updates of routes since it started; its log has the reasons)",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Compare(t.Context(), test.envoy, wanted(t, test.kind, "{"+test.want+"}"))
			require.Empty(t, r.Error)
			require.Equal(t, "1.39.1", r.Version)
			require.Len(t, r.Resources, 1)
			require.Equal(t, test.status, r.Resources[0].Status)
			text, err := json.Marshal(r)
			require.NoError(t, err)
			require.NotContains(t, string(text), "KEY")
			require.Equal(t, test.problem, problems(Judge([]*Report{r})))
		})
	}
}

func problems(v *Verdict) string {
	var lines []string
	for _, p := range v.Problems {
		lines = append(lines, p.Code.ID+" "+p.Message)
	}
	return strings.Join(lines, "\n")
}

func TestUnreachable(t *testing.T) {
	cluster := wanted(t, mutator.KindCluster, `{"name": "a"}`)
	for name, test := range map[string]struct {
		pages pages
		want  string
	}{
		"not there":       {pages{"/server_info": "down"}, "EGR402 Envoy x cannot be examined: /server_info: connection refused"},
		"something else":  {pages{"/server_info": "<html>KEY"}, "EGR402 Envoy x cannot be examined: /server_info: is not a response of Envoy"},
		"no statistics":   {pages{"/server_info": live}, "EGR402 Envoy x cannot be examined: not found"},
		"a dump of lists": {pages{"/server_info": live, "/stats": "", "dynamic_active_clusters": `["KEY"]`}, "EGR402 Envoy x cannot be examined: /config_dump: dynamic_active_clusters: is not a response of Envoy"},
		"a dump that breaks": {
			pages{"/server_info": live, "/stats": "", "dynamic_active_clusters": `{"configs": [{"cluster": "KEY`},
			"EGR402 Envoy x cannot be examined: /config_dump: dynamic_active_clusters: is not a response of Envoy",
		},
		"does not tell whether it is connected": {pages{"/server_info": live, "/stats": "", "dynamic_active_clusters": clusters(`"name": "a"`)}, ""},
		"begins": {
			pages{"/server_info": strings.Replace(live, "LIVE", "INITIALIZING", 1), "/stats": "control_plane.connected_state: 0", "dynamic_active_clusters": clusters(`"name": "a"`)},
			"EGR408 Envoy x is INITIALIZING\nEGR409 Envoy x is not connected to Envoy Gateway",
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, problems(Judge([]*Report{Compare(t.Context(), Envoy{"x", test.pages}, cluster)})))
		})
	}
	v := Judge(nil)
	require.Equal(t, "EGR401 no Envoy was found", problems(v))
	require.True(t, v.Failed())
}

func TestSummary(t *testing.T) {
	want := wanted(t, mutator.KindCluster, `{"name": "a"}`, `{"name": "b"}`, `{"name": "c"}`, `{"name": "d"}`, `{"name": "e"}`)
	v := Judge([]*Report{
		Compare(t.Context(), envoy("", pages{"dynamic_active_clusters": clusters(`"name": "a"`, `"name": "b"`, `"name": "c"`, `"name": "d"`, `"name": "e"`)}), want),
		Compare(t.Context(), envoy("", nil), want),
	})
	require.Equal(t, "1 of 2 Envoys have what egraft returned", v.Summary)
	require.Equal(t, "EGR403 Envoy default/envoy does not have 5 clusters (a, b, c and 2 more)", problems(v))
}

func TestReason(t *testing.T) {
	for details, want := range map[string]string{
		"unable to bind": "unable to bind",
		"Proto constraint validation failed (ClusterValidationError.Name: too short): name: \"\" private_key: KEY": "Proto constraint validation failed (ClusterValidationError.Name: too short)",
		"cannot parse inline_string: \"KEY\"":            "cannot parse",
		"Failed to load -----BEGIN PRIVATE KEY----- KEY": "Failed to load",
		"one\ntwo KEY":                   "one",
		strings.Repeat("x", maxReason+1): strings.Repeat("x", maxReason) + "…",
		"a listener (l): no filter factory found for a required type URL KEY is a word": "a listener (l): no filter factory found for a required type URL KEY is a word",
	} {
		require.Equal(t, want, reason(details))
	}
}

func TestWriteConfig(t *testing.T) {
	e := envoy("", pages{
		"dynamic_active_clusters": clusters(fmt.Sprintf(`"name": "a", `+tls, "KEY"), `"name": "b", "no_such_field": "KEY"`),
		"dynamic_listeners":       `{"configs": [{"name": "l", "draining_state": ` + listener(`"name": "l"`) + `}, {"name": "m", "error_state": {"details": "no inline_string: KEY"}}]}`,
	})
	var out strings.Builder
	require.NoError(t, WriteConfig(t.Context(), e, &out, 10000))
	const want = `{"kind":"Cluster","name":"a","state":"active","resource":{"name":"a","transport_socket":{"name":"tls","typed_config":{"@type":"type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext","common_tls_context":{"tls_certificates":[{"private_key":{"inline_string":"[redacted]"}}]}}}}}
{"kind":"Cluster","name":"b","state":"active","resource":{"name":"b"}}
{"kind":"Listener","name":"l","state":"draining","resource":{"name":"l"}}
{"kind":"Listener","name":"m","state":"rejected","rejected":"no"}
`
	require.Equal(t, strings.Split(want, "\n"), strings.Split(out.String(), "\n"))
	out.Reset()
	require.ErrorIs(t, WriteConfig(t.Context(), e, &out, 320), ErrLimit)
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
}
