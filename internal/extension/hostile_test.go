package extension_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/catalog"
)

// mtls returns a BackendMTLSPolicy on Gateway default/eg with more fields in its spec.
func mtls(more string) string {
	return `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":"hostile"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],
		"trustDomain":"example.org","workloadIdentifier":"/envoy"` + more + `}}`
}

// times repeats JSON, separated by commas.
func times(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }

// withPolicy returns a translation with one cluster that a route of Gateway default/eg uses.
func withPolicy(t *testing.T, object string) *wire.Message {
	t.Helper()
	resource, ctx, req := &wire.Message{}, &wire.Message{}, &wire.Message{}
	resource.Add(1, []byte(object))
	ctx.Add(1, resource.Append(nil))
	req.Add(1, ctx.Append(nil))
	req.Add(2, encode(t, &clusterv3.Cluster{Name: "STATIC", ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}}))
	req.Add(5, encode(t, ofGateway(t)))
	return req
}

// TestHostilePolicies sends policies that are expensive or ambiguous to parse. Each costs bounded
// time and memory, and none is ignored: its target is denied.
func TestHostilePolicies(t *testing.T) {
	const mib = 1 << 20
	tests := map[string]string{
		"deep":                        mtls(`,"peers":` + strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)),
		"string of 10 MB":             mtls(`,"peers":[{"exact":"spiffe://example.org/` + strings.Repeat("x", 10*mib) + `"}]`),
		"key of 10 MB":                mtls(`,"` + strings.Repeat("x", 10*mib) + `":1`),
		"many fields":                 mtls(`,` + times(500_000, `"x":1`)),
		"many targets":                strings.Replace(mtls(``), `"name":"eg"}`, `"name":"eg"},`+times(13_000, `{"kind":"Gateway","name":"x"}`), 1),
		"many trust bundles":          mtls(`,"allowAnyInTrustDomain":true,"trustBundles":[` + times(30_000, `"example.org"`) + `]`),
		"many peers that are wrong":   mtls(`,"peers":[` + times(20_000, `{"exact":"x"}`) + `]`),
		"expression that grows":       mtls(`,"peers":[{"regex":"spiffe://example.org/` + strings.Repeat("(", 10) + "a" + strings.Repeat("{100})", 10) + `"}]`),
		"expression of many groups":   mtls(`,"peers":[{"regex":"spiffe://example.org/` + strings.Repeat("(", 900) + strings.Repeat(")*", 900) + `"}]`),
		"expression that is long":     mtls(`,"peers":[{"regex":"spiffe://example.org/` + strings.Repeat("(a|b)*", 80_000) + `"}]`),
		"duplicate key":               mtls(`,"peers":[{"exact":"spiffe://example.org/echo"}],"trustDomain":"example.com"`),
		"duplicate key in other case": mtls(`,"peers":[{"exact":"spiffe://example.org/echo"}],"TrustDomain":"example.com"`),
		"invalid UTF-8":               mtls(`,"peers":[{"exact":"spiffe://example.org/` + "\xff\xfe" + `"}]`),
		"number that overflows":       mtls(`,"peers":[{"exact":1e999999999}]`),
		"number of 1 MB":              mtls(`,"plaintextBackends":` + strings.Repeat("9", mib/4)),
	}
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	for name, object := range tests {
		t.Run(name, func(t *testing.T) {
			req := withPolicy(t, object)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			begin := time.Now()
			res, err := invoke(t, conn, "PostTranslateModify", req)
			took := time.Since(begin)
			runtime.ReadMemStats(&after)
			require.NoError(t, err)
			require.Less(t, took, 5*time.Second)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64*mib+20*len(object)))
			c := &clusterv3.Cluster{}
			require.NoError(t, proto.Unmarshal(res.All(1)[0], c))
			require.Equal(t, clusterv3.Cluster_STATIC, c.GetType(), "denied")
			require.Empty(t, c.GetLoadAssignment().GetEndpoints())
			t.Logf("%d bytes: %s, %d KiB", len(object), took, (after.TotalAlloc-before.TotalAlloc)>>10)
		})
	}
}

// TestRejectedPolicyOfRoute: the route of a policy that exceeds the size limit is denied.
func TestRejectedPolicyOfRoute(t *testing.T) {
	conn := serve(t, catalog.Builtin(catalog.Options{}))
	object := mtls(`,"peers":[{"exact":"spiffe://example.org/` + strings.Repeat("x", 1<<20) + `"}]`)
	object = strings.Replace(object, `"kind":"Gateway","name":"eg"`, `"kind":"HTTPRoute","name":"web"`, 1)
	resource, ctx, req := &wire.Message{}, &wire.Message{}, &wire.Message{}
	resource.Add(1, []byte(object))
	ctx.Add(3, resource.Append(nil))
	req.Add(2, ctx.Append(nil))
	req.Add(1, encode(t, &routev3.Route{Name: "r", Metadata: ownedBy(t, "HTTPRoute", "web"), Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}}))
	res, err := invoke(t, conn, "PostRouteModify", req)
	require.NoError(t, err)
	r := &routev3.Route{}
	require.NoError(t, proto.Unmarshal(res.All(1)[0], r))
	require.EqualValues(t, 500, r.GetDirectResponse().GetStatus(), "denied")
}
