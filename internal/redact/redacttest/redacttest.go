// Package redacttest finds leaked secrets: it puts a marker into every secret field that Envoy
// Gateway sends, and tests search for it in everything that egraft writes.
//
// It is for tests only.
package redacttest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/envoyapi"
)

// Marker is the secret.
const Marker = "MARKER-of-a-secret"

// number is the marker of numbers.
const number = 31415926

// Absent fails if a secret is in the output.
func Absent(t testing.TB, where string, written []byte) {
	t.Helper()
	for _, text := range forms() {
		if i := bytes.Index(written, text); i >= 0 {
			t.Fatalf("%s: a secret at %d: …%q…", where, i, written[max(0, i-200):min(len(written), i+100)])
		}
	}
}

// forms returns the forms in which the marker can be written: as it is, and in base64, whose first
// and last characters depend on the surrounding bytes.
func forms() [][]byte {
	out := [][]byte{[]byte(Marker), []byte("31415926")}
	for i := range 3 {
		b := base64.StdEncoding.EncodeToString(append(make([]byte, i), Marker...))
		out = append(out, []byte(b[4:20]))
	}
	return out
}

// Translation is the resources of one of Envoy Gateway's golden files, with the marker in all secret fields.
type Translation struct {
	Name      string
	Clusters  []*clusterv3.Cluster
	Secrets   []*tlsv3.Secret
	Listeners []*listenerv3.Listener
	Routes    []*routev3.RouteConfiguration
	// Secret is the number of fields with the marker.
	Secret int
}

// Golden reads Envoy Gateway's golden files, which are part of its module.
func Golden(t testing.TB) []*Translation {
	t.Helper()
	module, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway").Output()
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(module)), "internal/xds/translator/testdata/out/xds-ir/*.clusters.yaml"))
	if err != nil || len(files) < 250 {
		t.Fatalf("%d golden files: %v", len(files), err)
	}
	var out []*Translation
	for _, file := range files {
		base := strings.TrimSuffix(file, ".clusters.yaml")
		g := &Translation{Name: filepath.Base(base)}
		g.Clusters = read(t, g, base+".clusters.yaml", func() *clusterv3.Cluster { return &clusterv3.Cluster{} })
		g.Secrets = read(t, g, base+".secrets.yaml", func() *tlsv3.Secret { return &tlsv3.Secret{} })
		g.Listeners = read(t, g, base+".listeners.yaml", func() *listenerv3.Listener { return &listenerv3.Listener{} })
		g.Routes = read(t, g, base+".routes.yaml", func() *routev3.RouteConfiguration { return &routev3.RouteConfiguration{} })
		out = append(out, g)
	}
	return out
}

// read reads a list of resources, nil if the file does not exist.
func read[T proto.Message](t testing.TB, g *Translation, path string, empty func() T) (out []T) {
	t.Helper()
	data, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	var items []json.RawMessage
	if err == nil {
		err = yaml.Unmarshal(data, &items)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range items {
		m := empty()
		if err := (protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}).Unmarshal(item, m); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		g.Secret += Fill(m)
		out = append(out, m)
	}
	return out
}
