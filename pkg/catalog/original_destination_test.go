package catalog_test

import (
	"fmt"
	"testing"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

const poolRoute = `
name: httproute/shop/pool/rule/0/match/0
match: {prefix: /}
metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: shop, name: pool}]}}}
route: {cluster: pool, retryPolicy: {retryOn: 5xx, numRetries: 2}}
`

func pool(spec string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"OriginalDestinationBackend","metadata":{"namespace":"shop","name":"pool"},"spec":%s}`, spec)
}

// inRoute runs the Route hook for [poolRoute].
func inRoute(t *testing.T, o catalog.Options, objects ...[]byte) (*routev3.Route, *engine.Response) {
	t.Helper()
	e, err := engine.New(catalog.Builtin(o))
	require.NoError(t, err)
	res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: objects, Resources: []engine.Resources{
		{Kind: mutator.KindRoute, Encoded: [][]byte{fromYAML(t, &routev3.Route{}, poolRoute)}},
	}})
	require.NoError(t, err)
	r := &routev3.Route{}
	require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], r))
	return r, res
}

// TestHedgingBesideOriginalDestination: requests to the backend are sent once, and the outcome of
// the filter reports it; with Deny they are not sent at all.
func TestHedgingBesideOriginalDestination(t *testing.T) {
	for policy, denied := range map[string]bool{"Ignore": false, "Deny": true} {
		filter := fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"HedgeFilter","metadata":{"namespace":"shop","name":"hedge"},"spec":{"perTryTimeout":"100ms","failurePolicy":%q}}`, policy)
		r, res := inRoute(t, catalog.Options{}, filter, pool(`{"allowedCIDRs":["10.0.0.0/8"]}`))
		require.Equal(t, denied, r.GetDirectResponse() != nil, policy)
		if !denied {
			require.True(t, proto.Equal(&routev3.RetryPolicy{}, r.GetRoute().GetRetryPolicy()))
			require.True(t, proto.Equal(&routev3.HedgePolicy{}, r.GetRoute().GetHedgePolicy()))
		}
		found := false
		for _, o := range res.Policies {
			if o.Policy.GroupVersionKind.Kind == "HedgeFilter" {
				found = true
				require.Equal(t, mutator.ApplyFailed, o.Reason)
				require.Contains(t, o.Message, "the rule has OriginalDestinationBackend shop/pool, whose requests are sent once")
			}
		}
		require.True(t, found)
	}
}

// TestAdminNeedsTheOperator: a backend leads to a loopback address only if the operator permits it.
func TestAdminNeedsTheOperator(t *testing.T) {
	backend := pool(`{"allowedCIDRs":["127.0.0.1/32"]}`)
	r, res := inRoute(t, catalog.Options{}, backend)
	require.EqualValues(t, 500, r.GetDirectResponse().GetStatus())
	require.Equal(t, mutator.Invalid, res.Policies[0].Reason)
	require.Contains(t, res.Policies[0].Message, "--allow-special-destinations")
	r, _ = inRoute(t, catalog.Options{AllowSpecialDestinations: true}, backend)
	require.NotNil(t, r.GetRoute())
}

// TestFiltersAreInertForOthers: the filters of the listener, which all of its routes share, contain
// nothing of a backend's configuration.
func TestFiltersAreInertForOthers(t *testing.T) {
	const listener = `
name: shop/eg/http
defaultFilterChain:
  filters:
  - name: envoy.filters.network.http_connection_manager
    typedConfig:
      '@type': type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
      statPrefix: http
      rds: {routeConfigName: shop/eg/http, configSource: {ads: {}}}
      httpFilters:
      - {name: envoy.filters.http.lua/a, typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua}}
      - {name: envoy.filters.http.router, typedConfig: {'@type': type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
`
	var listeners [][]byte
	for _, spec := range []string{
		`{"allowedCIDRs":["10.0.0.0/8"],"source":{"header":{"name":"x-api-key","filter":"envoy.filters.http.lua"}}}`,
		`{"allowedCIDRs":["10.0.0.0/9"],"source":{"header":{"name":"x-pod","filter":"envoy.filters.http.lua"}},"port":80}`,
	} {
		r, _ := inRoute(t, catalog.Options{}, pool(spec))
		rc := &routev3.RouteConfiguration{Name: "shop/eg/http", VirtualHosts: []*routev3.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{r}}}}
		res, err := builtin(t).Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
			{Kind: mutator.KindListener, Encoded: [][]byte{fromYAML(t, &listenerv3.Listener{}, listener)}},
			{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{deterministic(t, rc)}},
		}})
		require.NoError(t, err)
		require.Equal(t, mutator.Programmed, res.Policies[0].Reason)
		listeners = append(listeners, res.Resources[0].Encoded[0])
	}
	require.Equal(t, listeners[0], listeners[1])
	require.NotContains(t, string(listeners[0]), "x-api-key")
	require.Contains(t, string(listeners[0]), "egraft.destination.distrust/")
}
