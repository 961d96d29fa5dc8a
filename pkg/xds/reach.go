package xds

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// HostReach says where the routes of one virtual host lead. It is not changed after
// [ReadHost] made it, and may be used for many a [Reach].
type HostReach struct {
	listeners []Reference
	routes    []routeReach
}

// routeReach is a route that leads to clusters or has marks.
type routeReach struct {
	clusters []string
	marks    []Mark
}

// ReadHost reads a virtual host.
func ReadHost(vh *routev3.VirtualHost) *HostReach {
	h := &HostReach{listeners: References(vh.GetMetadata())}
	for _, r := range vh.GetRoutes() {
		names, marks := ClustersOf(r.GetRoute()), Marks(r.GetMetadata())
		if len(names) > 0 || len(marks) > 0 {
			h.routes = append(h.routes, routeReach{names, marks})
		}
	}
	return h
}

// Listeners are those of the virtual host.
func (h *HostReach) Listeners() []Reference { return h.listeners }

// Marks are those of each route that leads to a cluster or has any.
func (h *HostReach) Marks() [][]Mark {
	out := make([][]Mark, len(h.routes))
	for i, r := range h.routes {
		out[i] = r.marks
	}
	return out
}

// ClustersOf are the clusters that a route leads to, those of mirrored requests included.
func ClustersOf(a *routev3.RouteAction) []string {
	var names []string
	if c := a.GetCluster(); c != "" {
		names = append(names, c)
	}
	for _, w := range a.GetWeightedClusters().GetClusters() {
		names = append(names, w.GetName())
	}
	for _, m := range a.GetRequestMirrorPolicies() {
		names = append(names, m.GetCluster())
	}
	return names
}

// Configuration is a route configuration, by which a listener finds its routes.
type Configuration struct {
	// Name is what the listener's HTTP connection manager asks for.
	Name  string
	Hosts []*HostReach
}

// Reach tells, for the clusters and the route configurations of a translation, which
// Gateway listeners and which routes lead to them, as the virtual hosts of the same
// translation say.
type Reach struct {
	clusters       map[string]*Origin
	names          []string
	configurations map[string]*Origin
	asked          []string
	hosts          map[string][]*HostReach
	gateways       distinct[Reference]
}

// Origin says what leads to one resource.
type Origin struct {
	listeners distinct[Reference]
	marks     distinct[Mark]
}

// Listeners are references of kind Gateway, each with the listener's name, in the order
// of the configuration and free of duplicates.
func (o *Origin) Listeners() []Reference { return o.listeners.list }

// Marks are what the Route hook left on the routes, in the order of the configuration and
// free of duplicates.
func (o *Origin) Marks() []Mark { return o.marks.list }

func (o *Origin) add(listeners []Reference, marks []Mark) {
	o.listeners.addAll(listeners)
	for _, m := range marks {
		o.marks.add(m)
	}
}

// NewReach puts together what the virtual hosts say.
func NewReach(configurations []Configuration) *Reach {
	r := &Reach{clusters: map[string]*Origin{}, configurations: map[string]*Origin{}, hosts: map[string][]*HostReach{}}
	for _, c := range configurations {
		if r.configurations[c.Name] == nil {
			r.asked = append(r.asked, c.Name)
		}
		r.hosts[c.Name] = append(r.hosts[c.Name], c.Hosts...)
		whole := originIn(r.configurations, c.Name)
		for _, h := range c.Hosts {
			whole.add(h.listeners, nil)
			for _, l := range h.listeners {
				l.SectionName = ""
				r.gateways.add(l)
			}
			for _, route := range h.routes {
				whole.add(nil, route.marks)
				r.add(h.listeners, route)
			}
		}
	}
	return r
}

// add notes what the route leads to.
func (r *Reach) add(listeners []Reference, route routeReach) {
	for _, name := range route.clusters {
		if r.clusters[name] == nil {
			r.names = append(r.names, name)
		}
		originIn(r.clusters, name).add(listeners, route.marks)
	}
}

func originIn(of map[string]*Origin, name string) *Origin {
	o := of[name]
	if o == nil {
		o = &Origin{}
		of[name] = o
	}
	return o
}

// Of returns what leads to a cluster, and nil if no route does.
func (r *Reach) Of(cluster string) *Origin { return r.clusters[cluster] }

// Configuration returns the listeners and the marks of a route configuration, by its name,
// and nil if the translation has none of that name.
func (r *Reach) Configuration(name string) *Origin { return r.configurations[name] }

// Configurations are the names of all route configurations.
func (r *Reach) Configurations() []string { return r.asked }

// Hosts are the virtual hosts of a route configuration, by its name.
func (r *Reach) Hosts(configuration string) []*HostReach { return r.hosts[configuration] }

// Clusters are the names of all clusters that a route leads to.
func (r *Reach) Clusters() []string { return r.names }

// Gateways are all Gateways that have a virtual host, without section names.
func (r *Reach) Gateways() []Reference { return r.gateways.list }
