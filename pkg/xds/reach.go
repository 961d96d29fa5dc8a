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

// routeReach is a route that leads to clusters.
type routeReach struct {
	clusters []string
	marks    []Mark
}

// ReadHost reads a virtual host.
func ReadHost(vh *routev3.VirtualHost) *HostReach {
	h := &HostReach{listeners: References(vh.GetMetadata())}
	for _, r := range vh.GetRoutes() {
		if names := clustersOf(r.GetRoute()); len(names) > 0 {
			h.routes = append(h.routes, routeReach{names, Marks(r.GetMetadata())})
		}
	}
	return h
}

func clustersOf(a *routev3.RouteAction) []string {
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

// Reach tells, for the clusters of a translation, which Gateway listeners and which
// routes lead to them, as the route configurations of the same translation say.
type Reach struct {
	clusters map[string]*ClusterReach
	names    []string
	gateways distinct[Reference]
}

// ClusterReach says what leads to one cluster.
type ClusterReach struct {
	listeners distinct[Reference]
	marks     distinct[Mark]
}

// Listeners are references of kind Gateway, each with the listener's name, in the order
// of the configuration and free of duplicates.
func (c *ClusterReach) Listeners() []Reference { return c.listeners.list }

// Marks are what the Route hook left on the routes, in the order of the configuration and
// free of duplicates.
func (c *ClusterReach) Marks() []Mark { return c.marks.list }

// NewReach puts together what the virtual hosts say.
func NewReach(hosts []*HostReach) *Reach {
	r := &Reach{clusters: map[string]*ClusterReach{}}
	for _, h := range hosts {
		for _, l := range h.listeners {
			l.SectionName = ""
			r.gateways.add(l)
		}
		for _, route := range h.routes {
			r.add(h.listeners, route)
		}
	}
	return r
}

// add notes what the route leads to.
func (r *Reach) add(listeners []Reference, route routeReach) {
	for _, name := range route.clusters {
		c := r.clusters[name]
		if c == nil {
			c = &ClusterReach{}
			r.clusters[name] = c
			r.names = append(r.names, name)
		}
		for _, l := range listeners {
			c.listeners.add(l)
		}
		for _, m := range route.marks {
			c.marks.add(m)
		}
	}
}

// Of returns what leads to a cluster, and nil if no route does.
func (r *Reach) Of(cluster string) *ClusterReach { return r.clusters[cluster] }

// Clusters are the names of all clusters that a route leads to.
func (r *Reach) Clusters() []string { return r.names }

// Gateways are all Gateways that have a virtual host, without section names.
func (r *Reach) Gateways() []Reference { return r.gateways.list }
