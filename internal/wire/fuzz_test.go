package wire_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/xds"
)

// kinds are the resources that have a view, and the golden files of Envoy Gateway's translator that
// contain some of them.
var kinds = []struct {
	empty  proto.Message
	golden string
}{
	{&clusterv3.Cluster{}, "clusters"},
	{&listenerv3.Listener{}, "listeners"},
	{&routev3.RouteConfiguration{}, "routes"},
	{&endpointv3.ClusterLoadAssignment{}, "endpoints"},
	{&tlsv3.Secret{}, "secrets"},
	{&routev3.VirtualHost{}, ""},
	{&routev3.Route{}, ""},
}

// seeds adds the output of Envoy Gateway's translator.
func seeds(f *testing.F) {
	f.Helper()
	f.Add(uint8(0), marshal(f, &clusterv3.Cluster{Name: "n", Metadata: metadata("r")}))
	f.Add(uint8(0), []byte{})
	n := 0
	for i, kind := range kinds {
		for _, m := range goldens(f, kind.golden, kind.empty) {
			n++
			f.Add(uint8(i), marshal(f, m))
			if rc, ok := m.(*routev3.RouteConfiguration); ok {
				for _, vh := range rc.GetVirtualHosts()[:min(1, len(rc.GetVirtualHosts()))] {
					f.Add(uint8(5), marshal(f, vh))
					f.Add(uint8(6), marshal(f, vh.GetRoutes()[0]))
				}
			}
		}
	}
	require.Greater(f, n, 20)
}

// FuzzView compares the view of arbitrary bytes with the decoded message, if they are a valid one.
func FuzzView(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		m := proto.Clone(kinds[int(kind)%len(kinds)].empty)
		v := wire.NewView(wire.FieldNumbersOf(m), raw)
		name, refs := v.Name(), v.References()
		if proto.Unmarshal(raw, m) != nil {
			return // only checks that it does not panic
		}
		require.Equal(t, nameOf(m), name)
		want := []xds.Reference{}
		if m, ok := m.(interface{ GetMetadata() *corev3.Metadata }); ok {
			want = append(want, xds.References(m.GetMetadata())...)
		}
		require.Equal(t, want, append([]xds.Reference{}, refs...))
	})
}

// mapsOfKinds returns the maps of each kind.
func mapsOfKinds() (maps []*wire.Maps) {
	for _, kind := range kinds {
		maps = append(maps, wire.MapsOf(kind.empty))
	}
	return maps
}

// FuzzSort sorts the maps of arbitrary bytes. If they are a message, its content stays the same,
// and sorting any encoding of it gives the bytes of a deterministic encoder.
func FuzzSort(f *testing.F) {
	seeds(f)
	maps := mapsOfKinds()
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		i := int(kind) % len(kinds)
		sorted := bytes.Clone(raw)
		maps[i].Sort(sorted)
		again := bytes.Clone(sorted)
		maps[i].Sort(again)
		require.Equal(t, sorted, again)
		m, now := proto.Clone(kinds[i].empty), proto.Clone(kinds[i].empty)
		err := proto.Unmarshal(raw, m)
		require.Equal(t, err == nil, proto.Unmarshal(sorted, now) == nil)
		if err != nil {
			return
		}
		require.True(t, proto.Equal(m, now), "%v\n%v", m, now)
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		require.NoError(t, err)
		for range 3 {
			encoded := marshal(t, m)
			maps[i].Sort(encoded)
			require.Equal(t, want, encoded)
		}
	})
}

// FuzzCanonical compares arbitrary bytes with others whose maps are sorted. Is must not report
// equality if sorting shows a difference, and must report it for all encodings of one message.
func FuzzCanonical(f *testing.F) {
	seeds(f)
	maps := mapsOfKinds()
	f.Fuzz(func(t *testing.T, kind uint8, raw []byte) {
		i := int(kind) % len(kinds)
		sorted := bytes.Clone(raw)
		maps[i].Sort(sorted)
		canonical := maps[i].Canonical(sorted)
		require.True(t, canonical.Is(sorted, nil))
		for at := range min(len(raw), 200) {
			other := bytes.Clone(raw)
			other[at] ^= 1 << (at % 8)
			is := canonical.Is(other, nil)
			maps[i].Sort(other)
			require.True(t, !is || bytes.Equal(sorted, other))
		}
		m := proto.Clone(kinds[i].empty)
		if proto.Unmarshal(raw, m) != nil {
			return
		}
		require.True(t, canonical.Is(raw, nil))
		encoded := marshal(t, m)
		maps[i].Sort(encoded)
		canonical = maps[i].Canonical(encoded)
		for range 3 {
			require.True(t, canonical.Is(marshal(t, m), nil))
		}
	})
}

func nameOf(m proto.Message) string {
	if endpoints, ok := m.(*endpointv3.ClusterLoadAssignment); ok {
		return endpoints.GetClusterName()
	}
	return m.(interface{ GetName() string }).GetName()
}

// goldens returns the resources of a kind from some golden files, except those with an Any of a
// type that this test does not import.
func goldens(f *testing.F, kind string, empty proto.Message) (out []proto.Message) {
	f.Helper()
	if kind == "" {
		return nil
	}
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway").Output()
	require.NoError(f, err)
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "internal/xds/translator/testdata/out/xds-ir", "*-route*."+kind+".yaml"))
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(f, err)
		var items []json.RawMessage
		require.NoError(f, yaml.Unmarshal(content, &items), file)
		for _, item := range items {
			if m := empty.ProtoReflect().New().Interface(); protojson.Unmarshal(item, m) == nil {
				out = append(out, m)
			}
		}
	}
	return out
}
