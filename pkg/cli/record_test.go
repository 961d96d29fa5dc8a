package cli

import (
	"path/filepath"
	"testing"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/recording"
)

func TestRecord(t *testing.T) {
	dir := t.TempDir()
	socket, address := filepath.Join(dir, "s"), freeAddress(t)
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address)
	for _, name := range []string{"a", "b"} {
		_, err := dial(t, "unix:"+socket).PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{Clusters: []*clusterv3.Cluster{{Name: name}}})
		require.NoError(t, err)
	}
	all, latest := filepath.Join(dir, "all.tar.gz"), filepath.Join(dir, "latest")
	require.Equal(t, result{ExitOK, "2 calls of 1 Gateways\n", ""}, egraft(t.Context(), nil, "record", "--admin-address", address, all))
	require.Equal(t, result{ExitOK, "1 calls of 1 Gateways\n", ""}, egraft(t.Context(), nil, "record", "--admin-address", address, "--latest", latest))
	r, err := recording.Open(all)
	require.NoError(t, err)
	require.Len(t, r.Calls, 2)
	r, err = recording.Open(latest)
	require.NoError(t, err)
	require.Len(t, r.Calls, 1)

	got := egraft(t.Context(), nil, "record", "--admin-address", address, latest)
	require.Equal(t, ExitFailure, got.code)
	require.Contains(t, got.stderr, "latest: is not empty: name a new directory, or a file that ends in .tar.gz\n")
	require.Equal(t, ExitOK, stop())
	got = egraft(t.Context(), nil, "record", "--admin-address", address, all)
	require.Equal(t, ExitFailure, got.code)
	require.Contains(t, got.stderr, "egraft: no egraft responds at "+address)
	require.Equal(t, ExitUsage, egraft(t.Context(), nil, "record").code)
}
