package explain

import (
	"maps"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// Seen are the names in Envoy Gateway's calls. For Envoy Gateway, any other name does not exist or
// is attached to nothing.
type Seen struct {
	// Targets are Gateways and routes.
	Targets []Target `json:"targets"`
	// Policies are custom resources as "Kind namespace/name".
	Policies []string `json:"policies"`
	// Routes is true if some translation included routes. Without routes, most targets are unknown.
	Routes bool `json:"routes"`
}

// Target is an object that policies can be attached to.
type Target struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Sections are the listeners of a Gateway that have routes, or the named rules of a route.
	Sections []string `json:"sections,omitempty"`
}

// String returns "Kind namespace/name".
func (t Target) String() string { return t.Kind + " " + t.Namespace + "/" + t.Name }

// inventory collects names.
type inventory struct {
	sections map[place]map[string]bool
	policies map[string]bool
	routes   bool
}

type place struct{ kind, namespace, name string }

func newInventory() *inventory {
	return &inventory{sections: map[place]map[string]bool{}, policies: map[string]bool{}}
}

func (v *inventory) seen() *Seen {
	s := &Seen{Targets: []Target{}, Routes: v.routes, Policies: slices.Sorted(maps.Keys(v.policies))}
	for p, sections := range v.sections {
		s.Targets = append(s.Targets, Target{p.kind, p.namespace, p.name, slices.Sorted(maps.Keys(sections))})
	}
	slices.SortFunc(s.Targets, func(a, b Target) int { return strings.Compare(a.String(), b.String()) })
	return s
}

// add records the names in a call.
func (v *inventory) add(call *engine.Call) {
	for _, list := range call.Resources {
		for _, raw := range list.Encoded {
			switch list.Kind {
			case mutator.KindRoute:
				r := &routev3.Route{}
				if proto.Unmarshal(raw, r) == nil {
					v.route(r)
				}
			case mutator.KindVirtualHost:
				vh := &routev3.VirtualHost{}
				if proto.Unmarshal(raw, vh) == nil {
					v.host("", vh)
				}
			case mutator.KindRouteConfiguration:
				rc := &routev3.RouteConfiguration{}
				v.routes = true
				if proto.Unmarshal(raw, rc) != nil {
					continue
				}
				for _, vh := range rc.GetVirtualHosts() {
					v.host(rc.GetName(), vh)
				}
			}
		}
	}
}

func (v *inventory) host(configuration string, vh *routev3.VirtualHost) {
	for _, l := range xds.ListenersOf(configuration, vh) {
		if l.ListenerSet != "" {
			l.SectionName = "" // the listener is not one of the Gateway itself
		}
		v.note(l)
	}
	for _, r := range vh.GetRoutes() {
		v.route(r)
	}
}

func (v *inventory) route(r *routev3.Route) {
	for _, ref := range xds.References(r.GetMetadata()) {
		v.note(ref)
	}
}

func (v *inventory) note(ref xds.Reference) {
	p := place{ref.Kind, ref.Namespace, ref.Name}
	if v.sections[p] == nil {
		v.sections[p] = map[string]bool{}
	}
	if ref.SectionName != "" {
		v.sections[p][ref.SectionName] = true
	}
}

// gateways records the Gateways of a call, as namespace/name, separated by commas.
func (v *inventory) gateways(names string) {
	for name := range strings.SplitSeq(names, ",") {
		if namespace, name, ok := strings.Cut(name, "/"); ok {
			v.note(xds.Reference{Kind: xds.KindGateway, Namespace: namespace, Name: name})
		}
	}
}

// named returns the names of the targets of a kind in a namespace.
func (s *Seen) named(kind, namespace string) (names []string) {
	for _, t := range s.Targets {
		if t.Kind == kind && t.Namespace == namespace {
			names = append(names, t.Name)
		}
	}
	return names
}

// elsewhere returns the targets of a kind with the same name in other namespaces.
func (s *Seen) elsewhere(kind, namespace, name string) (others []string) {
	for _, t := range s.Targets {
		if t.Kind == kind && t.Name == name && t.Namespace != namespace {
			others = append(others, t.String())
		}
	}
	return others
}

func (s *Seen) find(kind, namespace, name string) *Target {
	for i := range s.Targets {
		if t := &s.Targets[i]; t.Kind == kind && t.Namespace == namespace && t.Name == name {
			return t
		}
	}
	return nil
}
