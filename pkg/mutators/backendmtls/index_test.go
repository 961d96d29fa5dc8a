package backendmtls

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
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
	mark, err := mutator.Mark(gvk.Kind, []policy.Candidate{{Object: all.Of(gvk)[0], Specificity: policy.ToRoute}})
	require.NoError(t, err)
	for name, c := range map[string]struct {
		objects *policy.Set
		marks   []xds.Mark
		want    bool
	}{
		"no policy":            {none, nil, false},
		"policy of a Gateway":  {all, nil, true},
		"policy of a route":    {none, []xds.Mark{mark}, true},
		"mark of another kind": {none, []xds.Mark{{Key: "BufferPolicy", Value: "[]"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}}}
			for _, m := range c.marks {
				r.Metadata = xds.SetMark(r.GetMetadata(), m)
			}
			reach := xds.NewReach([]xds.Configuration{{Name: "l", Hosts: []*xds.HostReach{xds.ReadHost(&routev3.VirtualHost{Routes: []*routev3.Route{r}})}}})
			in := &mutator.Input{Hook: mutator.HookTranslation, Objects: c.objects, Reach: func() *xds.Reach { return reach }}
			require.Equal(t, c.want, indexOf(in).reaches)
			if !c.want {
				require.False(t, clusters{}.Applies(in, nil), "there is not even a name")
			}
		})
	}
}
