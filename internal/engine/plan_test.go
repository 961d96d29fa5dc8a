package engine_test

import (
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// TestPlanThatFails: if Plan fails, the affected custom resource is unknown, and the strictest
// failure policy of the feature's custom resources applies.
func TestPlanThatFails(t *testing.T) {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Plan"}
	kind := policy.NewKind(gvk, func(*map[string]any) field.ErrorList { return nil })
	for name, c := range map[string]struct {
		feature mutator.FailurePolicy
		says    []string
		want    engine.Result
	}{
		"no custom resource, Ignore": {mutator.Ignore, nil, engine.Ignored},
		"no custom resource, Deny":   {mutator.Deny, nil, engine.Denied},
		"all say Ignore":             {mutator.Deny, []string{"Ignore", "Ignore"}, engine.Ignored},
		"one says nothing":           {mutator.Deny, []string{"Ignore", ""}, engine.Denied},
		"the last says Deny":         {mutator.Ignore, []string{"", "Ignore", "Deny"}, engine.Denied},
		"none says Deny":             {mutator.Ignore, []string{"", "Ignore"}, engine.Ignored},
		"no default":                 {"", []string{"Ignore", ""}, engine.Denied},
		"what is not a policy":       {mutator.Ignore, []string{"Fail"}, engine.Ignored},
		"Fail":                       {mutator.Fail, []string{"Deny", ""}, engine.CallFailed},
		"Fail, and all say Deny":     {mutator.Fail, []string{"Deny"}, engine.Denied},
	} {
		t.Run(name, func(t *testing.T) {
			f := mutator.Feature{
				Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: c.feature, Filters: []policy.Kind{kind},
				Clusters: mutator.Func[*clusterv3.Cluster]{When: func(*mutator.Input, mutator.View) bool { panic("no plan") }},
			}
			e, err := engine.New([]mutator.Feature{f})
			require.NoError(t, err)
			call := &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}}}}
			for i, said := range c.says {
				call.Objects = append(call.Objects, fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Plan","metadata":{"namespace":"n","name":"p%d"},"spec":{"failurePolicy":%q}}`, i, said))
			}
			res, err := runAndExplain(t, e, call)
			require.Equal(t, c.want == engine.CallFailed, err != nil)
			require.Equal(t, []engine.Result{c.want, engine.Panicked}, verdicts(res))
		})
	}
}

// TestPlanThatFailsBesideRoutes: policies in route metadata count as well.
func TestPlanThatFailsBesideRoutes(t *testing.T) {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Plan"}
	kind := policy.NewKind(gvk, func(*map[string]any) field.ErrorList { return nil })
	set, err := policy.NewSet([]policy.Kind{kind}, [][]byte{[]byte(`{"apiVersion":"example.com/v1","kind":"Plan","metadata":{"namespace":"n","name":"p"},"spec":{"failurePolicy":"Deny"}}`)})
	require.NoError(t, err)
	mark, err := mutator.EncodeAttached(&mutator.Input{}, gvk, policy.Attachment{Object: set.Of(gvk)[0], Specificity: policy.ToRoute}, nil)
	require.NoError(t, err)
	for key, want := range map[string]engine.Result{mark.Key: engine.Denied, "Other.example.com": engine.Ignored} {
		f := mutator.Feature{
			Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore, NeedsRoutes: true, Policies: []policy.Kind{kind},
			Clusters: mutator.Func[*clusterv3.Cluster]{When: func(*mutator.Input, mutator.View) bool { panic("no plan") }},
		}
		e, err := engine.New([]mutator.Feature{f})
		require.NoError(t, err)
		route := &routev3.Route{Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "a"}}}}
		route.Metadata = xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: key, Value: mark.Value})
		res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
			{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("a"))}},
			{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, &routev3.RouteConfiguration{Name: "r", VirtualHosts: []*routev3.VirtualHost{{Name: "h", Domains: []string{"*"}, Routes: []*routev3.Route{route}}}})}},
		}})
		require.NoError(t, err)
		require.Equal(t, []engine.Result{want, engine.Panicked}, verdicts(res), key)
	}
}
