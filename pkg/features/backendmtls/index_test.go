package backendmtls

import (
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestReaches: clusters are not looked up one by one unless a policy could reach one.
func TestReaches(t *testing.T) {
	raw, err := yaml.YAMLToJSON([]byte(valid))
	require.NoError(t, err)
	all, err := policy.NewSet(New(0).Policies, [][]byte{raw})
	require.NoError(t, err)
	none, err := policy.NewSet(New(0).Policies, nil)
	require.NoError(t, err)
	mark, err := mutator.EncodeAttached(&mutator.Input{}, gvk, policy.Attachment{Object: all.Of(gvk)[0], Specificity: policy.ToRoute}, nil)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		objects *policy.Set
		marks   []xds.MetadataEntry
		want    bool
	}{
		"no policy":             {none, nil, false},
		"policy of a Gateway":   {all, nil, true},
		"policy of a route":     {none, []xds.MetadataEntry{mark}, true},
		"mark of another kind":  {none, []xds.MetadataEntry{{Key: "BufferPolicy.egraft.io", Value: "[]"}}, false},
		"mark of another group": {none, []xds.MetadataEntry{{Key: "BackendMTLSPolicy.example.com", Value: mark.Value}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}}}
			for _, m := range c.marks {
				r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
			}
			reach := xds.NewRouteIndex([]xds.Configuration{{Name: "l", Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(&routev3.VirtualHost{Metadata: gatewayMetadata(t), Routes: []*routev3.Route{r}})}}})
			in := &mutator.Input{Hook: mutator.HookTranslation, Objects: c.objects, Routes: func() *xds.RouteIndex { return reach }}
			require.Equal(t, c.want, indexOf(in).reaches)
			if !c.want {
				require.Nil(t, clusters{}.Plan(in, nil), "there is not even a name")
			}
		})
	}
}

// gatewayMetadata is that of a listener of the Gateway of the valid policy.
func gatewayMetadata(t *testing.T) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "default", "name": "eg", "sectionName": "http"}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}
