package catalog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/features/backendmtls"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// vendorKind has the name of one of egraft's kinds in another group.
var vendorKind = schema.GroupVersionKind{Group: "vendor.example", Version: "v1", Kind: "BackendMTLSPolicy"}

// vendor is a feature of another author.
func vendor(route func(in *mutator.Input, r *routev3.Route) error, cluster func(*clusterv3.Cluster)) mutator.Feature {
	f := mutator.Feature{
		Name: "vendor", FailurePolicy: mutator.Ignore,
		Policies: []policy.Kind{policy.NewKind[struct {
			Spec struct {
				TargetRefs    []policy.Target `json:"targetRefs"`
				BudgetPercent int             `json:"budgetPercent"`
			} `json:"spec"`
		}](vendorKind, nil)},
	}
	if route != nil {
		f.Hooks = []mutator.Hook{mutator.HookRoute}
		f.Routes = mutator.Func[*routev3.Route]{Do: func(_ context.Context, in *mutator.Input, r *routev3.Route) error { return route(in, r) }}
	}
	if cluster != nil {
		f.Hooks = append(f.Hooks, mutator.HookTranslation)
		f.Clusters = mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			cluster(c)
			return nil
		}}
	}
	return f
}

// TestCollisionOfKinds: whatever another feature writes to metadata, under its own keys or
// egraft's, the cluster of a BackendMTLSPolicy gets its TLS. A change that it may not make is a
// reported failure of that feature.
func TestCollisionOfKinds(t *testing.T) {
	mark := func(key, value string) func(*mutator.Input, *routev3.Route) error {
		return func(_ *mutator.Input, r *routev3.Route) error {
			r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), xds.MetadataEntry{Key: key, Value: value})
			return nil
		}
	}
	note := func(key, value string) func(*clusterv3.Cluster) {
		return func(c *clusterv3.Cluster) {
			c.Metadata = xds.SetMetadataEntry(c.GetMetadata(), xds.MetadataEntry{Key: key, Value: value})
		}
	}
	const own = "BackendMTLSPolicy.egraft.io"
	for name, c := range map[string]struct {
		vendor mutator.Feature
		err    string
	}{
		"a policy of its own": {vendor(func(in *mutator.Input, r *routev3.Route) error {
			found := mutator.Attached(in, vendorKind, xds.References(r.GetMetadata()))
			m, err := mutator.EncodeAttached(in, vendorKind, found[0], nil)
			r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
			return err
		}, nil), ""},
		"mark of the kind alone":      {vendor(mark("BackendMTLSPolicy", "1"), nil), "BackendMTLSPolicy"},
		"mark of its name":            {vendor(mark("vendor", "1"), nil), ""},
		"mark of egraft's":            {vendor(mark(own, `[{"specificity":3,"name":"default/secure","spec":{"plaintextBackends":"Leave"}}]`), nil), own},
		"unreadable mark of egraft's": {vendor(mark(own, "1"), nil), own},
		"all metadata gone": {vendor(func(_ *mutator.Input, r *routev3.Route) error {
			delete(r.GetMetadata().GetFilterMetadata(), xds.MetadataNamespace)
			return nil
		}, nil), own},
		"note of the kind alone": {vendor(nil, note("BackendMTLSPolicy", "default/x 9")), "BackendMTLSPolicy"},
		"note of egraft's":       {vendor(nil, note(own, "default/x 9")), own},
		"denied in name alone":   {vendor(nil, note(xds.DeniedKey, "true")), ""},
	} {
		for order, features := range map[string][]mutator.Feature{"before": {c.vendor, backendmtls.New(0)}, "after": {backendmtls.New(0), c.vendor}} {
			t.Run(name+"/"+order, func(t *testing.T) {
				e, err := engine.New(features)
				require.NoError(t, err)
				said := requireSecured(t, e)
				if c.err == "" || order == "before" && name == "all metadata gone" { // there is no metadata yet
					require.Empty(t, said)
					return
				}
				require.Len(t, said, 1)
				require.Equal(t, "vendor", said[0].Feature)
				require.EqualError(t, said[0].Err, fmt.Sprintf(
					`changed %q in the metadata egraft.io, which belongs to another feature; the feature's own keys are vendor, BackendMTLSPolicy.vendor.example`, c.err))
			})
		}
	}
}

// requireSecured runs the Route hook and the translation for a route, requires TLS of its cluster,
// and returns the outcomes with an error.
func requireSecured(t *testing.T, e *engine.Engine) (failed []*engine.Outcome) {
	t.Helper()
	const target = `"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"b"}]`
	objects := []string{
		`{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"name":"secure","namespace":"default"},"spec":{` + target +
			`,"trustDomain":"example.org","workloadIdentifier":"/envoy","peers":[{"exact":"spiffe://example.org/echo"}],"agent":{"socketPath":"/run/spire/agent.sock"}}}`,
		`{"apiVersion":"vendor.example/v1","kind":"BackendMTLSPolicy","metadata":{"name":"v","namespace":"default"},"spec":{` + target + `,"budgetPercent":3}}`,
	}
	r := &routev3.Route{
		Name: "r", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Metadata: madeFrom(t, "HTTPRoute", "b", ""),
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}
	call := &engine.Call{Hook: mutator.HookRoute, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{deterministic(t, r)}}}}
	for _, o := range objects {
		call.Objects = append(call.Objects, []byte(o))
	}
	note := func(res *engine.Response) {
		for _, o := range res.Outcomes {
			if o.Err != nil {
				failed = append(failed, o)
			}
		}
	}
	res, err := e.Run(t.Context(), call)
	require.NoError(t, err)
	note(res)
	require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], r))

	rc := &routev3.RouteConfiguration{Name: "rc", VirtualHosts: []*routev3.VirtualHost{{Name: "vh", Domains: []string{"*"}, Metadata: madeFrom(t, "Gateway", "eg", "http"), Routes: []*routev3.Route{r}}}}
	c := &clusterv3.Cluster{Name: "c", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "c"}}
	res, err = e.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		{Kind: mutator.KindCluster, Encoded: [][]byte{deterministic(t, c)}}, {Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{deterministic(t, rc)}},
	}})
	require.NoError(t, err)
	note(res)
	require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], c))
	require.True(t, strings.HasPrefix(c.GetName(), "egraft/backend-mtls/"), c.GetName())
	require.NotNil(t, c.GetTransportSocket())
	require.NoError(t, proto.Unmarshal(res.Resources[1].Encoded[0], rc))
	require.Equal(t, c.GetName(), rc.GetVirtualHosts()[0].GetRoutes()[0].GetRoute().GetCluster())
	require.Len(t, res.Policies, 1)
	require.Equal(t, mutator.Programmed, res.Policies[0].Reason, res.Policies[0].Message)
	return failed
}

// madeFrom returns metadata in which Envoy Gateway names the object from which it generated a
// resource.
func madeFrom(t *testing.T, kind, name, section string) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": kind, "namespace": "default", "name": name, "sectionName": section}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}
