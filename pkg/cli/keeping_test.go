package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestJournal: the admin address serves what Envoy Gateway sent, by connection.
func TestJournal(t *testing.T) {
	socket, address := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address, "--call-timeout", "7s")
	eg, other := dial(t, "unix:"+socket), dial(t, "unix:"+socket)
	for _, client := range []extension.EnvoyGatewayExtensionClient{eg, other} {
		_, err := client.PostRouteModify(t.Context(), &extension.PostRouteModifyRequest{Route: &routev3.Route{Name: "r"}})
		require.NoError(t, err)
	}
	for range 3 {
		_, err := eg.PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{Clusters: []*clusterv3.Cluster{{Name: "c"}}})
		require.NoError(t, err)
		fetched(t, address, "/api/v1/calls") // now the call is recorded
	}
	status, body := fetched(t, address, "/api/v1/calls")
	require.Equal(t, 200, status)
	var list struct {
		Version int
		Calls   []recording.Meta
	}
	require.NoError(t, json.Unmarshal([]byte(body), &list))
	require.Equal(t, 1, list.Version)
	var got []string
	for _, c := range list.Calls {
		got = append(got, fmt.Sprint(c.ID, " ", c.Translation, " ", c.Count))
	}
	require.Equal(t, []string{"1.1 1 1", "1  1", "2  2"}, got, "the route is of the first translation on its connection")

	_, body = fetched(t, address, "/api/v1/calls/1.1")
	require.Contains(t, body, `{"name":"r"}`)
	status, body = fetched(t, address, "/api/v1/calls/7")
	require.Equal(t, 404, status)
	require.JSONEq(t, `{"error":"there is no such call, or it is not kept any longer"}`, body)
	for path, want := range map[string]int{"/api/v1/recording": 4, "/api/v1/recording?latest": 2} {
		_, body = fetched(t, address, path)
		r, err := recording.Read(bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		require.Len(t, r.Calls, want, path)
		require.Equal(t, version.Read().Version, r.Egraft)
		require.Contains(t, r.Features, "backend-mtls")
		require.Equal(t, "7s", r.Settings["call-timeout"])
		require.NotContains(t, r.Settings, "cache-size", "it is the default")
	}
	_, body = fetched(t, address, "/metrics")
	require.Contains(t, body, "egraft_journal_calls 3\n")
	require.Contains(t, body, "egraft_journal_dropped_total 0\n")
	require.Equal(t, ExitOK, stop())
}

func TestNoJournal(t *testing.T) {
	socket, address := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address, "--journal-size", "0")
	_, err := dial(t, "unix:"+socket).PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{})
	require.NoError(t, err)
	for _, path := range []string{"/api/v1/calls", "/api/v1/calls/1", "/api/v1/recording"} {
		status, body := fetched(t, address, path)
		require.Equal(t, 404, status)
		require.JSONEq(t, `{"error":"egraft keeps no calls: set --journal-size"}`, body)
	}
	require.Equal(t, ExitOK, stop())
}

// TestExplainedIsBounded: if explaining calls would take too much memory, egraft reports where to
// explain them.
func TestExplainedIsBounded(t *testing.T) {
	of := func(gateway, translation string, bytes int) recording.Meta {
		return recording.Meta{Gateway: gateway, Translation: translation, Bytes: bytes}
	}
	require.Equal(t, 30, latestBytes([]recording.Meta{of("a", "", 5), of("a", "2", 1), of("a", "", 10), of("b", "", 20)}))

	k := newKeeping(&settings{Config: config.Default()}, slog.New(slog.DiscardHandler))
	call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{make([]byte, maxExplained+1)}}}}
	k.Keep(t.Context(), call, &engine.Response{Subject: func() string { return "a/b" }}, nil, time.Now())
	_, err := k.latest(t.Context())
	require.EqualError(t, err, "the last calls have 64 MiB, but a running egraft explains at most 64 MiB: save them with `egraft record`, and use `egraft explain --recording`")
}
