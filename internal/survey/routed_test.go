package survey

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/cluster/clustertest"
	"github.com/egraft/egraft/internal/wiring"
)

func TestRouted(t *testing.T) {
	kind := wiring.Kind{Group: "g", Version: "v1", Kind: "P"}
	of := func(items string) *cluster.Cluster {
		answers := map[string]string{"/apis/g/v1/ps": `{"apiVersion": "g/v1", "kind": "PList", "items": [` + items + `]}`}
		c, err := cluster.Open(cluster.Config{Kubeconfig: clustertest.Kubeconfig(t, answers, http.StatusForbidden)})
		require.NoError(t, err)
		return c
	}
	policy := func(name, spec string) string {
		return `{"apiVersion": "g/v1", "kind": "P", "metadata": {"namespace": "shop", "name": "` + name + `"}, "spec": ` + spec + `}`
	}
	c := of(policy("gateway", `{"targetRefs": [{"kind": "Gateway", "name": "eg"}]}`) + "," + policy("broken", `{"targetRefs": 1, "targetSelectors": [1]}`) + "," +
		policy("both", `{"targetRefs": [{"kind": "Gateway", "name": "eg"}, {"kind": "HTTPRoute", "name": "web"}]}`) + "," + policy("labels", `{"targetSelectors": [{"kind": "GRPCRoute"}]}`))
	f := routed(t.Context(), c, []wiring.Kind{kind, {Kind: "NotServed"}}, map[wiring.Kind]string{kind: "ps"})
	require.True(t, f.Known)
	require.Equal(t, []string{"P shop/both", "P shop/labels"}, f.Value)
	f = routed(t.Context(), c, []wiring.Kind{kind}, map[wiring.Kind]string{kind: "forbidden"})
	require.False(t, f.Known)
	require.NotEmpty(t, f.Why)
}
