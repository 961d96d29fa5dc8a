package mutatortest

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// write creates a file of a case.
func write(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "in.yaml")
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// requireLoadError requires that a case is rejected, with an error about one of its fields.
func requireLoadError(t *testing.T, content string, f mutator.Feature, want string) {
	t.Helper()
	file := write(t, content)
	_, _, err := load(t.Context(), file, func() mutator.Feature { return f })
	require.EqualError(t, err, file+": "+want)
}

// widen is a mutator that changes each cluster to which a route leads.
func widen() mutator.Func[*clusterv3.Cluster] {
	return mutator.Func[*clusterv3.Cluster]{
		When: func(in *mutator.Input, c mutator.View) bool { return in.Routes().ForCluster(c.Name()) != nil },
		Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			c.AltStatName = "x"
			return nil
		},
	}
}

// routed is a translation with a route to a cluster.
const routed = `
hook: Translation
resources:
  Cluster: [{name: c}]
  RouteConfiguration:
  - name: rc
    virtualHosts: [{name: v, domains: ["*"], routes: [{match: {prefix: /}, route: {cluster: c}}]}]
`

// TestReachWithoutSayingSo: the feature would work next to the built-in features, but not alone.
func TestReachWithoutSayingSo(t *testing.T) {
	f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: widen()}
	requireLoadError(t, routed, f, "resources.RouteConfiguration: needs routes: set NeedsRoutes, or remove them: Envoy Gateway does not send them to this feature")
	f.NeedsRoutes = true
	_, _, err := load(t.Context(), write(t, routed), func() mutator.Feature { return f })
	require.NoError(t, err)
}

// TestWhatIsNotSent: a call for each reason for which Envoy Gateway does not make it.
func TestWhatIsNotSent(t *testing.T) {
	kinds := func(name string) []policy.Kind {
		return []policy.Kind{policy.NewKind[map[string]any](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: name}, nil)}
	}
	translation := []mutator.Hook{mutator.HookTranslation}
	clusters := mutator.Feature{Name: "f", Hooks: translation, Clusters: widen()}
	routes := mutator.Feature{Name: "f", Hooks: translation, RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{}, Policies: kinds("P"), Filters: kinds("F"), Backends: kinds("B")}
	for name, c := range map[string]struct {
		feature mutator.Feature
		content string
		want    string
	}{
		"hook": {clusters, "hook: Cluster", "hook: Envoy Gateway does not call Cluster for this feature: add it to Hooks, or remove the call"},
		"kind of another hook": {
			clusters, "{hook: Translation, resources: {Route: [{name: r}]}}",
			"resources.Route: Envoy Gateway sends nothing but [Cluster Listener RouteConfiguration Secret] in the Translation hook: remove them",
		},
		"clusters":  {routes, "{hook: Translation, resources: {Cluster: [{name: c}]}}", "resources.Cluster: needs clusters: set Clusters, Additions or PrunesSecrets, or remove them: Envoy Gateway does not send them to this feature"},
		"listeners": {routes, "{hook: Translation, resources: {Listener: [{name: l}]}}", "resources.Listener: needs listeners: set Listeners or PrunesSecrets, or remove them: Envoy Gateway does not send them to this feature"},
		"secrets":   {routes, "{hook: Translation, resources: {Secret: [{name: s}]}}", "resources.Secret: needs secrets: set Secrets or PrunesSecrets, or remove them: Envoy Gateway does not send them to this feature"},
		"hostnames": {routes, "{hook: Translation, hostnames: [a.com]}", "hostnames: Envoy Gateway does not send any in the Translation hook: remove them"},
		"custom resource that is not listed": {
			routes, "{hook: Translation, objects: [{apiVersion: example.com/v1, kind: P}, {apiVersion: example.com/v2, kind: P}]}",
			"objects[1]: Envoy Gateway does not send example.com/v2 P to this feature: add the kind to Policies, Filters or Backends, or remove the object",
		},
		"custom resource of another hook": {
			routes, "{hook: Translation, objects: [{apiVersion: example.com/v1, kind: F}]}",
			"objects[0]: Envoy Gateway does not send F in the Translation hook: policies come in Route, HTTPListener and Translation, filters in Route, backends in Route and Cluster",
		},
		"no custom resource": {routes, "{hook: Translation, objects: [{kind: P}]}", "objects[0]: has no apiVersion and kind"},
		"in a later call": {
			routes, "{calls: [{hook: Translation}, {hook: Route}]}",
			"calls[1].hook: Envoy Gateway does not call Route for this feature: add it to Hooks, or remove the call",
		},
	} {
		t.Run(name, func(t *testing.T) { requireLoadError(t, c.content, c.feature, c.want) })
	}
}

// secrets adds a secret.
type secrets struct{}

// Add implements [mutator.Adder].
func (secrets) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{Secrets: []*tlsv3.Secret{{Name: "s"}}}, nil
}

// TestReachesEnvoyRejects: Envoy Gateway drops added secrets of a kind that it does not include.
func TestReachesEnvoyRejects(t *testing.T) {
	f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: secrets{}}
	newFeature := func() mutator.Feature { return f }
	_, steps, err := load(t.Context(), write(t, "{hook: Translation, resources: {Cluster: [{name: c}]}}"), newFeature)
	require.NoError(t, err)
	require.EqualError(t, reachesEnvoy(t.Context(), steps[0].call, steps[0].res, newFeature),
		"Additions: Envoy Gateway drops resources of kind Secret from the response, which it does not include: needs secrets: set Secrets or PrunesSecrets")
	f.Secrets = mutator.Func[*tlsv3.Secret]{}
	require.NoError(t, reachesEnvoy(t.Context(), steps[0].call, steps[0].res, newFeature))
}

// TestNothingHappened: a case without an effect would pass as soon as out.yaml is written.
func TestNothingHappened(t *testing.T) {
	f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, Clusters: widen(), NeedsRoutes: true}
	alone := "{hook: Translation, resources: {Cluster: [{name: c}]}"
	const want = "hook Translation: nothing happened: no mutator has a Plan for any of the resources and no custom resource has an outcome: " +
		"make the targetRefs of objects match metadata.filterMetadata.envoy-gateway of the resources, or set unmodified: true in the case if no change is expected"
	requireLoadError(t, alone+"}", f, want)
	requireLoadError(t, "calls: ["+alone+", unmodified: true}, {hook: Translation, resources: {Cluster: [{name: c}]}}]", f, "calls[1]."+want)
	_, _, err := load(t.Context(), write(t, alone+", unmodified: true}"), func() mutator.Feature { return f })
	require.NoError(t, err)
	_, _, err = load(t.Context(), write(t, routed+"unmodified: true"), func() mutator.Feature { return f })
	require.ErrorContains(t, err, "hook Translation: unmodified: true, but the feature changed resources: remove the field, or correct the case: Cluster[0].altStatName differs:")
}

// TestOutcomeIsSomething: a policy without a target changes nothing, but has an outcome.
func TestOutcomeIsSomething(t *testing.T) {
	f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, NeedsRoutes: true, Listeners: mutator.Func[*listenerv3.Listener]{}, Reporter: notFound{}}
	_, _, err := load(t.Context(), write(t, "{hook: Translation}"), func() mutator.Feature { return f })
	require.NoError(t, err)
}

// notFound reports a policy without a target.
type notFound struct{}

// Report implements [mutator.Reporter].
func (notFound) Report(*mutator.Input) []mutator.PolicyOutcome {
	return []mutator.PolicyOutcome{{Policy: &policy.Object{Name: "p"}, Reason: mutator.TargetNotFound}}
}
