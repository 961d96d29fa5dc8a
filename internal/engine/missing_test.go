package engine_test

import (
	"context"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

type missingSpec struct{}

var missingKind = policy.NewKind(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, func(*missingSpec) field.ErrorList { return nil })

const missingObject = `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"n","name":"a"},"spec":{"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"r"}]}}`

// TestCallWithoutResource: a resource that an extension server before egraft has lost fails the
// call if a feature would apply to it, and is ignored otherwise.
func TestCallWithoutResource(t *testing.T) {
	const err = "Route hook: feature feature: the call has no resource: an extension server before egraft in extensionManagers returned nothing; it must return what it received"
	for name, c := range map[string]struct {
		policy  mutator.FailurePolicy
		reads   []policy.Kind
		objects [][]byte
		hook    mutator.Hook
		want    []engine.Result
		err     string
	}{
		"for the feature":             {mutator.Deny, []policy.Kind{missingKind}, [][]byte{[]byte(missingObject)}, mutator.HookRoute, []engine.Result{engine.CallFailed}, err},
		"for a feature without kinds": {"", nil, nil, mutator.HookRoute, []engine.Result{engine.CallFailed}, err},
		"Fail":                        {mutator.Fail, nil, nil, mutator.HookRoute, []engine.Result{engine.CallFailed}, err},
		"Ignore":                      {mutator.Ignore, nil, nil, mutator.HookRoute, []engine.Result{engine.Ignored}, ""},
		"for somebody else":           {mutator.Deny, []policy.Kind{missingKind}, [][]byte{[]byte(`{"apiVersion":"example.com/v1","kind":"Other"}`)}, mutator.HookRoute, nil, ""},
		"another hook":                {mutator.Deny, nil, nil, mutator.HookCluster, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			feature := mutator.Feature{
				Name: "feature", Hooks: []mutator.Hook{c.hook}, FailurePolicy: c.policy, Policies: c.reads,
				Routes: mutator.Func[*routev3.Route]{Do: func(context.Context, *mutator.Input, *routev3.Route) error { return nil }},
			}
			if c.hook == mutator.HookCluster {
				feature.Routes, feature.Clusters = nil, mutator.Func[*clusterv3.Cluster]{}
			}
			e, err := engine.New([]mutator.Feature{feature})
			require.NoError(t, err)
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookRoute, Objects: c.objects, Resources: []engine.Resources{{Kind: mutator.KindRoute}}})
			require.Equal(t, c.want, verdicts(res))
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, res.Resources, 1)
			require.Empty(t, res.Resources[0].Encoded)
		})
	}
}

// TestTranslationWithoutClusters: missing clusters of routes cause a warning.
func TestTranslationWithoutClusters(t *testing.T) {
	feature := mutator.Feature{Name: "feature", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: mutator.Func[*clusterv3.Cluster]{}}
	e, err := engine.New([]mutator.Feature{feature})
	require.NoError(t, err)
	host := &routev3.VirtualHost{Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}}}
	routes := engine.Resources{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, &routev3.RouteConfiguration{Name: "rc", VirtualHosts: []*routev3.VirtualHost{host}})}}
	res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster}, routes}})
	require.NoError(t, err)
	require.Len(t, res.Warnings, 1)
	require.EqualError(t, res.Warnings[0], "the translation has routes and no clusters: an extension server before egraft in extensionManagers responded without them, or Envoy Gateway's configuration does not include them")
	res, err = runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster}}})
	require.NoError(t, err)
	require.Empty(t, res.Warnings)
}
