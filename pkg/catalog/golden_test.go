package catalog_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// policyForGateway is attached to the Gateway that ownedByGateway writes to virtual hosts.
const policyForGateway = `{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":"mtls"},"spec":{
	"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],
	"trustDomain":"example.org","workloadIdentifier":"/envoy","peers":[{"exact":"spiffe://example.org/echo"}],"plaintextBackends":"MODE"}}`

// validated is a resource that can be validated.
type validated interface {
	proto.Message
	ValidateAll() error
}

// goldenFiles returns the common prefixes of Envoy Gateway's golden files, which are in its module.
func goldenFiles(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway").Output()
	require.NoError(t, err)
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal/xds/translator/testdata/out/xds-ir")
	files, err := filepath.Glob(filepath.Join(dir, "*.clusters.yaml"))
	require.NoError(t, err)
	require.Greater(t, len(files), 250, "golden files in %s", dir)
	for i := range files {
		files[i] = strings.TrimSuffix(files[i], ".clusters.yaml")
	}
	return files
}

// list reads a golden file of one type of resource; a missing file is empty.
func list(t *testing.T, path string, newMessage func() proto.Message) [][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(t, err)
	var items []json.RawMessage
	require.NoError(t, yaml.Unmarshal(data, &items))
	var out [][]byte
	for _, item := range items {
		m := newMessage()
		require.NoError(t, protojson.Unmarshal(item, m), path)
		b, err := proto.Marshal(m)
		require.NoError(t, err)
		out = append(out, b)
	}
	return out
}

func readGolden(t *testing.T, base string) *engine.Call {
	t.Helper()
	read := func(k mutator.Kind, file string, newMessage func() proto.Message) engine.Resources {
		return engine.Resources{Kind: k, Encoded: list(t, base+"."+file+".yaml", newMessage)}
	}
	return &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
		read(mutator.KindCluster, "clusters", func() proto.Message { return &clusterv3.Cluster{} }),
		read(mutator.KindSecret, "secrets", func() proto.Message { return &tlsv3.Secret{} }),
		read(mutator.KindListener, "listeners", func() proto.Message { return &listenerv3.Listener{} }),
		read(mutator.KindRouteConfiguration, "routes", func() proto.Message { return &routev3.RouteConfiguration{} }),
	}}
}

// ownedByGateway writes to every virtual host that it belongs to Gateway default/eg: most golden
// inputs lack this metadata, which real ones have.
func ownedByGateway(t *testing.T, call *engine.Call) {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "default", "name": "eg"}}})
	require.NoError(t, err)
	for i, raw := range call.Resources[3].Encoded {
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(raw, rc))
		for _, vh := range rc.GetVirtualHosts() {
			vh.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
		}
		call.Resources[3].Encoded[i], err = proto.Marshal(rc)
		require.NoError(t, err)
	}
}

func builtin(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := engine.New(catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}))
	require.NoError(t, err)
	return e
}

// TestGoldenWithoutPolicies runs all mutators on the output of Envoy Gateway's translator tests:
// without a policy it is unmodified, byte for byte.
func TestGoldenWithoutPolicies(t *testing.T) {
	e := builtin(t)
	for _, base := range goldenFiles(t) {
		t.Run(filepath.Base(base), func(t *testing.T) {
			call := readGolden(t, base)
			res, err := e.Run(t.Context(), call)
			require.NoError(t, err)
			requireSame(t, call.Resources, res.Resources)
			require.Empty(t, res.Outcomes)
		})
	}
}

// TestGoldenWithPolicy does the same with a policy on the Gateway: the result is valid, only the
// clusters to which routes lead are edited, all of them, and a second pass changes nothing.
func TestGoldenWithPolicy(t *testing.T) {
	e := builtin(t)
	applied := 0
	for _, base := range goldenFiles(t) {
		call := readGolden(t, base)
		ownedByGateway(t, call)
		for _, mode := range []string{"Upgrade", "Leave", "Deny"} {
			t.Run(filepath.Base(base)+"/"+mode, func(t *testing.T) {
				call.Objects = [][]byte{[]byte(strings.Replace(policyForGateway, "MODE", mode, 1))}
				res, err := e.Run(t.Context(), call)
				require.NoError(t, err)
				applied += requireTreated(t, call, res)
				again := *call
				again.Resources = res.Resources
				second, err := e.Run(t.Context(), &again)
				require.NoError(t, err)
				requireSame(t, res.Resources, second.Resources)
			})
		}
	}
	require.Greater(t, applied, 500, "the golden files have hundreds of clusters that routes lead to")
}

// requireSame compares bytes and only names the difference, without printing it.
func requireSame(t *testing.T, want, got []engine.Resources) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		require.Len(t, got[i].Encoded, len(want[i].Encoded), want[i].Kind)
		for j := range want[i].Encoded {
			require.True(t, bytes.Equal(want[i].Encoded[j], got[i].Encoded[j]), "%s %d differs", want[i].Kind, j)
		}
	}
}

// requireTreated checks a result and returns the number of changed clusters.
func requireTreated(t *testing.T, call *engine.Call, res *engine.Response) int {
	t.Helper()
	verdict := map[string]engine.Result{}
	for _, o := range res.Outcomes {
		require.NotEqual(t, engine.Panicked, o.Result)
		if o.Result == engine.Denied { // Envoy Gateway's tests have invalid curves
			require.ErrorContains(t, o.Err, "TLS setting ecdhCurves")
		}
		verdict[o.Name] = o.Result
	}
	reached := map[string]bool{}
	for _, gw := range call.Resources[3].Encoded {
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(gw, rc))
		for _, vh := range rc.GetVirtualHosts() {
			for _, name := range xds.NewRouteIndex([]xds.Configuration{{Hosts: []*xds.VirtualHostIndex{xds.NewVirtualHostIndex(vh)}}}).Clusters() {
				reached[name] = true
			}
		}
	}
	requireRoutesLeadSomewhere(t, call, res)
	applied := 0
	came := len(call.Resources[0].Encoded)
	for i, raw := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(t, proto.Unmarshal(raw, c))
		require.NoError(t, validated(c).ValidateAll())
		name := c.GetName()
		if i >= came && slices.ContainsFunc(call.Resources[0].Encoded, func(b []byte) bool { return bytes.Equal(b, raw) }) {
			continue // unmodified, next to the renamed one
		}
		if verdict[name] == "" {
			name = originalName(name)
		}
		switch verdict[name] {
		case engine.Applied:
			require.True(t, reached[name], name)
			requireURIMatchers(t, c)
			applied++
		case engine.Added:
			requireURIMatchers(t, c)
		case engine.Denied:
		default:
			require.True(t, bytes.Equal(call.Resources[0].Encoded[i], raw), c.GetName())
		}
	}
	return applied
}

// requireRoutesLeadSomewhere requires that every route that led to a cluster of the call leads to a
// cluster of the response.
func requireRoutesLeadSomewhere(t *testing.T, call *engine.Call, res *engine.Response) {
	t.Helper()
	missing := func(lists []engine.Resources) int {
		there, n := map[string]bool{}, 0
		for _, raw := range lists[0].Encoded {
			there[clusterOf(t, raw).GetName()] = true
		}
		for _, raw := range lists[3].Encoded {
			rc := &routev3.RouteConfiguration{}
			require.NoError(t, proto.Unmarshal(raw, rc))
			for _, vh := range rc.GetVirtualHosts() {
				for _, r := range vh.GetRoutes() {
					for _, name := range xds.ClustersOf(r.GetRoute()) {
						if !there[name] {
							n++
						}
					}
				}
			}
		}
		return n
	}
	require.Equal(t, missing(call.Resources), missing(res.Resources))
}

// originalName returns the previous name of a renamed cluster.
func originalName(name string) string {
	parts := strings.SplitN(name, "/", 4)
	if len(parts) < 4 || parts[0]+"/"+parts[1] != "egraft/backend-mtls" {
		return name
	}
	return parts[3]
}

// requireURIMatchers requires that no TLS context accepts every workload.
func requireURIMatchers(t *testing.T, c *clusterv3.Cluster) {
	t.Helper()
	require.NoError(t, xds.EditClusterTLS(c, func(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
		if ctx == nil {
			return nil, nil
		}
		sans := ctx.GetCommonTlsContext().GetCombinedValidationContext().GetDefaultValidationContext().GetMatchTypedSubjectAltNames()
		require.NotEmpty(t, sans, c.GetName())
		for _, san := range sans {
			require.Equal(t, tlsv3.SubjectAltNameMatcher_URI, san.GetSanType())
		}
		return nil, nil
	}))
}
