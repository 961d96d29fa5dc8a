package xdspatchpolicy

import (
	"testing"

	bufferv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/buffer/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/policy"
)

// TestFiltersOfEgraft: the filter's configuration is patched, except in a filter that egraft
// inserted.
func TestFiltersOfEgraft(t *testing.T) {
	set, err := policy.NewSet([]policy.Kind{kind}, [][]byte{[]byte(`{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy","metadata":{"namespace":"a","name":"p"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"patches":[{"select":{"kind":"HTTPFilter","filter":"Buffer"},"merge":{"max_request_bytes":7}}]}}`)})
	require.NoError(t, err)
	require.NoError(t, set.Of(gvk)[0].Err)
	config, err := anypb.New(&bufferv3.Buffer{MaxRequestBytes: wrapperspb.UInt32(1)})
	require.NoError(t, err)
	for name, want := range map[string]uint32{"envoy.filters.http.buffer": 7, "egraft.io/filter-policy/a/buffer": 1} {
		f := &hcmv3.HttpFilter{Name: name, ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: config}}
		fails, err := editFilter(withBudgets(t.Context()), f, message{}, []policy.Attachment{{Object: set.Of(gvk)[0], Specificity: policy.ToGateway}})
		require.NoError(t, err)
		require.Empty(t, fails)
		is := &bufferv3.Buffer{}
		require.NoError(t, f.GetTypedConfig().UnmarshalTo(is))
		require.Equal(t, want, is.GetMaxRequestBytes().GetValue(), name)
	}
}
