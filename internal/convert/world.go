package convert

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// World is the configuration of the Envoys of Gateways.
type World struct{ envoys []*envoy }

// Add adds the configuration of the Envoys of one Gateway, or of several merged ones.
func (w *World) Add(resources []engine.Resources) error {
	e := &envoy{clusters: map[string][]xds.Reference{}}
	var configurations []xds.Configuration
	for _, list := range resources {
		for _, raw := range list.Encoded {
			m, err := e.add(list.Kind, raw)
			if err != nil {
				return fmt.Errorf("%s: %w", list.Kind, err)
			}
			if rc, ok := m.(*routev3.RouteConfiguration); ok {
				configurations = append(configurations, e.configuration(rc))
			}
		}
	}
	e.routes = xds.NewRouteIndex(configurations)
	w.envoys = append(w.envoys, e)
	return nil
}

// fresh returns a copy that operations may modify.
func (w *World) fresh() *World {
	if w == nil {
		return nil
	}
	out := &World{}
	for _, e := range w.envoys {
		one := *e
		one.resources = nil
		for _, r := range e.resources {
			one.resources = append(one.resources, &resource{r.kind, r.name, r.now})
		}
		out.envoys = append(out.envoys, &one)
	}
	return out
}

// envoy is the configuration of one Envoy. Operations modify it, one after the other.
type envoy struct {
	resources []*resource
	routes    *xds.RouteIndex
	// clusters are the routes to each cluster.
	clusters map[string][]xds.Reference
	// isAssumed is true if it was built from names only.
	isAssumed bool
}

// resource is a resource of an Envoy, with the operations applied so far.
type resource struct {
	kind mutator.Kind
	name string
	now  proto.Message
}

func (e *envoy) add(k mutator.Kind, raw []byte) (m proto.Message, err error) {
	r := &resource{kind: k}
	switch k {
	case mutator.KindListener:
		l := &listenerv3.Listener{}
		err = proto.Unmarshal(raw, l)
		r.now, r.name = l, l.GetName()
	case mutator.KindRouteConfiguration:
		rc := &routev3.RouteConfiguration{}
		err = proto.Unmarshal(raw, rc)
		r.now, r.name = rc, rc.GetName()
	case mutator.KindCluster:
		c := &clusterv3.Cluster{}
		err = proto.Unmarshal(raw, c)
		r.now, r.name = c, c.GetName()
	default:
		return nil, nil //nolint:nilnil // no policy can patch it
	}
	if err == nil {
		e.resources = append(e.resources, r)
	}
	return r.now, err
}

// configuration indexes a route configuration, and records the routes to each cluster.
func (e *envoy) configuration(rc *routev3.RouteConfiguration) xds.Configuration {
	c := xds.Configuration{Name: rc.GetName()}
	for _, vh := range rc.GetVirtualHosts() {
		c.Hosts = append(c.Hosts, xds.NewVirtualHostIndex(vh))
		for _, r := range vh.GetRoutes() {
			refs := xds.References(r.GetMetadata())
			for _, name := range xds.ClustersOf(r.GetRoute()) {
				for _, ref := range refs {
					if !slices.Contains(e.clusters[name], ref) {
						e.clusters[name] = append(e.clusters[name], ref)
					}
				}
			}
		}
	}
	return c
}

func (e *envoy) find(k mutator.Kind, name string) *resource {
	i := slices.IndexFunc(e.resources, func(r *resource) bool { return r.kind == k && r.name == name })
	if i < 0 {
		return nil
	}
	return e.resources[i]
}

func (e *envoy) names(k mutator.Kind) (names []string) {
	for _, r := range e.resources {
		if r.kind == k {
			names = append(names, r.name)
		}
	}
	return names
}

// has reports whether an Envoy serves a Gateway.
func (e *envoy) has(namespace, name string) bool {
	return slices.ContainsFunc(e.routes.Gateways(), func(g xds.Reference) bool { return g.Namespace == namespace && g.Name == name })
}

// asDocument returns a message in the JSON form that operations apply to.
func asDocument(m proto.Message) (any, error) {
	text, err := protojson.MarshalOptions{UseProtoNames: true, Resolver: envoyapi.Types{}}.Marshal(m)
	if err != nil {
		return nil, err
	}
	return decode(text)
}

// decode decodes JSON and preserves the notation of numbers.
func decode(text []byte) (out any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return out, d.Decode(&out)
}

// message decodes the document that operations produced.
func message(doc any, of proto.Message) (proto.Message, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	m := of.ProtoReflect().New().Interface()
	return m, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal(text, m)
}
