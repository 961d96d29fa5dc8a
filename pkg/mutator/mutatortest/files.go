package mutatortest

import (
	"encoding/json"
	"os"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// message is a resource that can be validated.
type message interface {
	proto.Message
	ValidateAll() error
}

// callFile is in.yaml: a call, with messages in protobuf's JSON form.
type callFile struct {
	Hook      mutator.Hook                       `json:"hook"`
	Hostnames []string                           `json:"hostnames,omitempty"`
	Objects   []json.RawMessage                  `json:"objects,omitempty"`
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
}

// resultFile is out.yaml.
type resultFile struct {
	Resources map[mutator.Kind][]json.RawMessage `json:"resources"`
	Outcomes  []string                           `json:"outcomes,omitempty"`
	Policies  []string                           `json:"policies,omitempty"`
}

// kinds is the order in which resources are in a call.
var kinds = []mutator.Kind{
	mutator.KindRoute, mutator.KindVirtualHost, mutator.KindCluster, mutator.KindSecret,
	mutator.KindListener, mutator.KindRouteConfiguration, mutator.KindEndpoints,
}

// ReadCall reads a call from a file like in.yaml.
func ReadCall(t testing.TB, path string) *engine.Call {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var f callFile
	require.NoError(t, yaml.UnmarshalStrict(data, &f), path)
	require.Contains(t, mutator.Hooks(), f.Hook, "%s: hook", path)
	call := &engine.Call{Hook: f.Hook, Hostnames: f.Hostnames}
	for _, o := range f.Objects {
		call.Objects = append(call.Objects, o)
	}
	for _, k := range kinds {
		list := engine.Resources{Kind: k}
		for _, r := range f.Resources[k] {
			m := newMessage(t, k)
			require.NoError(t, protojson.Unmarshal(r, m), "%s: %s", path, k)
			encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			require.NoError(t, err)
			list.Encoded = append(list.Encoded, encoded)
		}
		if len(list.Encoded) > 0 {
			call.Resources = append(call.Resources, list)
		}
		delete(f.Resources, k)
	}
	require.Empty(t, f.Resources, "%s: unknown kinds of resources", path)
	return call
}

// Render writes a result as out.yaml has it.
func Render(t testing.TB, res *engine.Result) []byte {
	t.Helper()
	f := resultFile{Resources: map[mutator.Kind][]json.RawMessage{}}
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			b, err := protojson.Marshal(decode(t, list.Kind, raw))
			require.NoError(t, err)
			f.Resources[list.Kind] = append(f.Resources[list.Kind], b)
		}
	}
	for _, o := range res.Outcomes {
		line := string(o.Kind) + " " + o.Name + ": " + string(o.Verdict)
		if o.Err != nil {
			line += ": " + o.Err.Error()
		}
		f.Outcomes = append(f.Outcomes, line)
	}
	for _, p := range res.Policies {
		f.Policies = append(f.Policies, p.Policy.String()+": "+string(p.Reason)+": "+p.Message)
	}
	out, err := yaml.Marshal(f)
	require.NoError(t, err)
	return out
}

func newMessage(t testing.TB, k mutator.Kind) message {
	t.Helper()
	switch k {
	case mutator.KindRoute:
		return &routev3.Route{}
	case mutator.KindVirtualHost:
		return &routev3.VirtualHost{}
	case mutator.KindListener:
		return &listenerv3.Listener{}
	case mutator.KindCluster:
		return &clusterv3.Cluster{}
	case mutator.KindEndpoints:
		return &endpointv3.ClusterLoadAssignment{}
	case mutator.KindSecret:
		return &tlsv3.Secret{}
	case mutator.KindRouteConfiguration:
		return &routev3.RouteConfiguration{}
	}
	t.Fatalf("no such kind of resource: %s", k)
	return nil
}

func decode(t testing.TB, k mutator.Kind, raw []byte) message {
	t.Helper()
	m := newMessage(t, k)
	require.NoError(t, proto.Unmarshal(raw, m))
	return m
}

// nameOf is the resource's name.
func nameOf(t testing.TB, k mutator.Kind, raw []byte) string {
	t.Helper()
	switch m := decode(t, k, raw).(type) {
	case interface{ GetName() string }:
		return m.GetName()
	case *endpointv3.ClusterLoadAssignment:
		return m.GetClusterName()
	}
	return ""
}

// unmarked is a route configuration without the marks of the Route hook.
func unmarked(t testing.TB, raw []byte) []byte {
	t.Helper()
	rc := &routev3.RouteConfiguration{}
	require.NoError(t, proto.Unmarshal(raw, rc))
	xds.ClearRouteMarks(rc)
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(rc)
	require.NoError(t, err)
	return out
}
