package cli

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/envoyproxy/gateway/proto/extension"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/redact/redacttest"
)

// TestNoSecrets sends the contents of Envoy Gateway's golden files through a running egraft, with a
// marker in every secret, and searches for it in everything that egraft writes.
func TestNoSecrets(t *testing.T) {
	socket, address := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	log, stop := serving(t, nil, "--socket", socket, "--admin-address", address, "--log-level", "debug")
	client, sent, secret := dial(t, "unix:"+socket), 0, 0
	for _, g := range redacttest.Golden(t) {
		send(t, client, g)
		sent, secret = sent+len(g.Listeners)+len(g.Clusters)+len(g.Secrets)+len(g.Routes), secret+g.Secret
		fetched(t, address, "/api/v1/calls") // now the calls are recorded
	}
	for path, text := range answers(t, address, sent) {
		redacttest.Absent(t, path, text)
	}
	for name, text := range collected(t, address, redacttest.Golden(t)) {
		redacttest.Absent(t, "bundle "+name, []byte(text))
	}
	redacttest.Absent(t, "log", []byte(log.String()))
	require.Contains(t, log.String(), "configuration changed")
	t.Logf("%d resources with %d secrets", sent, secret)
	require.Greater(t, secret, 1000)
	require.Equal(t, ExitOK, stop())
}

// send makes the calls that Envoy Gateway makes. egraft may reject them.
func send(t *testing.T, client extension.EnvoyGatewayExtensionClient, g *redacttest.Translation) {
	t.Helper()
	policy := []*extension.ExtensionResource{{UnstructuredBytes: []byte(`{"apiVersion":"egraft.io/v1alpha1","kind":"BackendMTLSPolicy","metadata":{"namespace":"default","name":"mtls"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"` + g.Name + `"}],
		"trustDomain":"example.org","workloadIdentifier":"/envoy","peers":[{"exact":"spiffe://example.org/echo"}],"plaintextBackends":"Upgrade"}}`)}}
	ofItsOwn(t, g)
	size := grpc.MaxCallRecvMsgSize(64 << 20)
	for _, rc := range g.Routes {
		for _, vh := range rc.GetVirtualHosts() {
			for _, r := range vh.GetRoutes() {
				_, _ = client.PostRouteModify(t.Context(), &extension.PostRouteModifyRequest{Route: r, PostRouteContext: &extension.PostRouteExtensionContext{Hostnames: vh.GetDomains()}}, size)
			}
			_, _ = client.PostVirtualHostModify(t.Context(), &extension.PostVirtualHostModifyRequest{VirtualHost: vh}, size)
		}
	}
	for _, l := range g.Listeners {
		_, _ = client.PostHTTPListenerModify(t.Context(), &extension.PostHTTPListenerModifyRequest{Listener: l}, size)
	}
	for _, c := range g.Clusters {
		_, _ = client.PostClusterModify(t.Context(), &extension.PostClusterModifyRequest{Cluster: c}, size)
	}
	_, err := client.PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{
		Clusters: g.Clusters, Secrets: g.Secrets, Listeners: g.Listeners, Routes: g.Routes,
		PostTranslateContext: &extension.PostTranslateExtensionContext{ExtensionResources: policy},
	}, size)
	require.NoError(t, err, g.Name)
}

// ofItsOwn assigns the resources to a separate Gateway, so that the journal keeps all of them.
func ofItsOwn(t *testing.T, g *redacttest.Translation) {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "default", "name": g.Name}}})
	require.NoError(t, err)
	for _, rc := range g.Routes {
		for _, vh := range rc.GetVirtualHosts() {
			vh.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": s}}
		}
	}
	for _, l := range g.Listeners {
		l.Name = g.Name + "/" + l.GetName()
	}
}

// answers returns the responses of every path of the API. Add new paths here.
func answers(t *testing.T, address string, sent int) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	get := func(path string) []byte {
		status, body := fetched(t, address, path)
		require.Equal(t, 200, status, "%s: %s", path, body)
		out[path] = []byte(body)
		return out[path]
	}
	get("/api/v1/self")
	get("/api/v1/version")
	get("/metrics")
	get("/readyz?verbose")
	var list struct {
		Calls []struct{ ID, Gateway string }
	}
	require.NoError(t, json.Unmarshal(get("/api/v1/calls"), &list))
	require.NotEmpty(t, list.Calls)
	for _, c := range list.Calls[len(list.Calls)-min(len(list.Calls), 20):] {
		get("/api/v1/calls/" + c.ID)
		if c.Gateway != "" {
			get("/api/v1/explain?diff=true&seen=true&wanted=true&subject=gateway/" + c.Gateway)
			get("/explain?subject=gateway/" + c.Gateway)
		}
	}
	get("/")
	require.Contains(t, slices.Sorted(maps.Keys(out)), "/explain?subject=gateway/"+list.Calls[len(list.Calls)-1].Gateway)
	compressed := get("/api/v1/recording")
	r, err := recording.Read(bytes.NewReader(compressed))
	require.NoError(t, err)
	kept := 0
	for _, c := range r.Calls {
		for _, l := range c.Resources { // as in memory
			kept += len(l.Encoded)
			out["resources"] = append(out["resources"], bytes.Join(l.Encoded, nil)...)
		}
	}
	require.Greater(t, kept, sent)
	require.Less(t, r.Dropped, 10, "calls for resources of one name")
	z, err := gzip.NewReader(bytes.NewReader(compressed))
	require.NoError(t, err)
	for files := tar.NewReader(z); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		out["recording "+h.Name], err = io.ReadAll(files)
		require.NoError(t, err)
	}
}
