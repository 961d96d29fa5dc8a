//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	// Messages that the world contains inside Any.
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/lua/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/listener/tls_inspector/v3"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// tenant has one resource with a value in one field, and everything that the resource affects: a
// route with a cluster, and a listener with TLS if the resource concerns one.
type tenant struct {
	field  acceptedField
	value  any
	object []byte
	name   string // its namespace
	number int
	// port is the backend's.
	port int
}

func (x tenant) is(kind string) bool { return x.field.kind == kind }

// world is Envoy Gateway's translation of some tenants and the bystander.
type world struct {
	t      *testing.T
	engine *engine.Engine
	lists  [4]engine.Resources // in the order of the Translation hook
	hosts  []*routev3.VirtualHost
	chains []*listenerv3.FilterChain
	failed []error
}

const (
	ofClusters = iota
	ofSecrets
	ofListeners
	ofRoutes
)

// translate runs tenants through the engine, in the order in which Envoy Gateway calls the hooks.
func translate(t *testing.T, e *engine.Engine, tenants []tenant, objects ...[]byte) ([]proto.Message, error) {
	t.Helper()
	w := &world{t: t, engine: e}
	for i, kind := range []mutator.Kind{mutator.KindCluster, mutator.KindSecret, mutator.KindListener, mutator.KindRouteConfiguration} {
		w.lists[i].Kind = kind
	}
	for _, x := range tenants {
		w.add(x)
		if x.is("FrontendMTLSPolicy") {
			objects = append(objects, x.object)
		}
	}
	w.put(ofRoutes, &routev3.RouteConfiguration{Name: "http", VirtualHosts: w.hosts})
	w.put(ofListeners, fromText(t, &listenerv3.Listener{}, httpListener, "http", listenAt, "http"))
	https := fromText(t, &listenerv3.Listener{}, httpsListener, httpsAt)
	https.FilterChains = w.chains
	w.put(ofListeners, https)
	result := w.run(&engine.Call{Hook: mutator.HookTranslation, Objects: objects, Resources: w.lists[:]})
	if result == nil {
		return nil, errors.Join(w.failed...)
	}
	var out []proto.Message
	for i, message := range map[int]func() proto.Message{
		ofClusters:  func() proto.Message { return &clusterv3.Cluster{} },
		ofListeners: func() proto.Message { return &listenerv3.Listener{} },
		ofRoutes:    func() proto.Message { return &routev3.RouteConfiguration{} },
	} {
		for _, encoded := range result.Resources[i].Encoded {
			m := message()
			if err := proto.Unmarshal(encoded, m); err != nil {
				return nil, err
			}
			out = append(out, m)
		}
	}
	return out, errors.Join(w.failed...)
}

// add does the part of the translation before the Translation hook.
func (w *world) add(x tenant) {
	route, cluster := w.bytes(fromText(w.t, &routev3.Route{}, tenantRoute, x.name)), w.bytes(w.cluster(x))
	if !x.is("FrontendMTLSPolicy") {
		route = w.through(mutator.HookRoute, mutator.KindRoute, x.object, route)
	}
	if x.is("OriginalDestinationBackend") {
		cluster = w.through(mutator.HookCluster, mutator.KindCluster, x.object, cluster)
	}
	w.lists[ofClusters].Encoded = append(w.lists[ofClusters].Encoded, cluster)
	host := fromText(w.t, &routev3.VirtualHost{}, tenantHost, x.name)
	r := &routev3.Route{}
	if err := proto.Unmarshal(route, r); err != nil {
		w.failed = append(w.failed, err)
	}
	host.Routes = []*routev3.Route{r}
	switch {
	case x.is("FrontendMTLSPolicy"):
		w.put(ofRoutes, &routev3.RouteConfiguration{Name: x.name, VirtualHosts: []*routev3.VirtualHost{host}})
		w.chains = append(w.chains, fromText(w.t, &listenerv3.FilterChain{}, tlsChain, x.name))
	case x.is("OriginalDestinationBackend"): // it has its own filters in the connection manager
		w.put(ofRoutes, &routev3.RouteConfiguration{Name: x.name, VirtualHosts: []*routev3.VirtualHost{host}})
		w.put(ofListeners, fromText(w.t, &listenerv3.Listener{}, httpListener, x.name, tenantsAt+x.number, x.name))
	default:
		w.hosts = append(w.hosts, host)
	}
}

func (w *world) cluster(x tenant) *clusterv3.Cluster {
	if x.number%2 == 1 && x.is("BackendMTLSPolicy") {
		return fromText(w.t, &clusterv3.Cluster{}, tlsCluster, x.name, x.port)
	}
	return fromText(w.t, &clusterv3.Cluster{}, plainCluster, x.name, x.port)
}

func (w *world) through(hook mutator.Hook, kind mutator.Kind, object, resource []byte) []byte {
	result := w.run(&engine.Call{Hook: hook, Objects: [][]byte{object}, Resources: []engine.Resources{{Kind: kind, Encoded: [][]byte{resource}}}})
	if result == nil {
		return resource
	}
	return result.Resources[0].Encoded[0]
}

// run records errors of mutators: the resource is then denied.
func (w *world) run(call *engine.Call) *engine.Response {
	result, err := w.engine.Run(w.t.Context(), call)
	if err != nil {
		w.failed = append(w.failed, err)
		return nil
	}
	for _, o := range result.Outcomes {
		if o.Err != nil {
			w.failed = append(w.failed, fmt.Errorf("%s %s %s: %w", o.Feature, o.Kind, o.Name, o.Err))
		}
	}
	return result
}

func (w *world) put(list int, m proto.Message) {
	w.lists[list].Encoded = append(w.lists[list].Encoded, w.bytes(m))
}

func (w *world) bytes(m proto.Message) []byte {
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		w.failed = append(w.failed, err)
	}
	return out
}
