package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/mutator"
)

func fetched(t *testing.T, address, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + address + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(body)
}

// TestSelf: what egraft reports about itself comes from its settings and calls.
func TestSelf(t *testing.T) {
	socket, address, before := filepath.Join(t.TempDir(), "s"), freeAddress(t), time.Now()
	_, stop := serving(t, nil, "--socket", socket, "--admin-address", address, "--max-message-size", "1Mi", "--call-timeout", "7s")
	self := func() (e doctor.Egraft) {
		status, body := fetched(t, address, "/api/v1/self")
		require.Equal(t, 200, status, body)
		require.Contains(t, body, `{"version":1,"egraft":`)
		require.NoError(t, json.Unmarshal([]byte(body), &e))
		return e
	}
	e := self()
	require.Equal(t, version.Read().Version, e.Version)
	require.Equal(t, []string{"unix", socket}, []string{e.Network, e.Address})
	require.Equal(t, []any{int64(1 << 20), 7 * time.Second}, []any{e.MaxMessageBytes, e.CallTimeout})
	require.Contains(t, e.Schemas, "bufferpolicies.egraft.io/v1alpha1")
	require.WithinRange(t, e.Started, before.Add(-time.Second), time.Now())
	require.Equal(t, []mutator.Hook{mutator.HookRoute, mutator.HookTranslation, mutator.HookCluster}, e.Needs.Hooks)
	for _, c := range e.Calls {
		require.Equal(t, doctor.Calls{Hook: c.Hook, LastCode: "OK"}, c)
	}

	client := dial(t, "unix:"+socket)
	_, err := client.PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{PostTranslateContext: &extension.PostTranslateExtensionContext{
		ExtensionResources: []*extension.ExtensionResource{{UnstructuredBytes: make([]byte, 2<<20)}},
	}})
	require.Error(t, err)
	require.Eventually(t, func() bool {
		for _, c := range self().Calls {
			if c.Hook == "Translation" && c.Failed == 1 {
				return c.TooLarge == 1 && c.LastCode == "ResourceExhausted"
			}
		}
		return false
	}, 10*time.Second, 5*time.Millisecond)

	status, body := fetched(t, address, "/readyz?verbose")
	require.Equal(t, 200, status)
	require.Contains(t, body, "[+]ready ok\n[+]EGR531 egraft is healthy ok\n[+]EGR532 Envoy Gateway calls egraft ok\n[-]EGR533 the last call of each hook succeeded failed: egraft: the last call of the hook Translation, 0s ago, ended with ResourceExhausted\n")
	_, body = fetched(t, address, "/metrics")
	require.Contains(t, body, `egraft_check_status{check="MessageLimit",code="EGR507"} 2`)
	require.Contains(t, body, `egraft_check_status{check="NotCalled",code="EGR532"} 0`)
	require.Equal(t, ExitOK, stop())
}
