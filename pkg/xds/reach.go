package xds

import (
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// Reach tells, for the clusters of a translation, which Gateway listeners and which
// routes lead to them, as the route configurations of the same translation say.
type Reach struct {
	clusters map[string]*ClusterReach
	names    []string
	gateways []Reference
}

// ClusterReach says what leads to one cluster. Every list is in the order of the
// configuration and free of duplicates.
type ClusterReach struct {
	// Listeners are references of kind Gateway, each with the listener's name.
	Listeners []Reference
	// Marks are what the Route hook left on the routes.
	Marks []Mark
}

// NewReach reads the route configurations.
func NewReach(configs []*routev3.RouteConfiguration) *Reach {
	r := &Reach{clusters: map[string]*ClusterReach{}}
	for _, rc := range configs {
		for _, vh := range rc.GetVirtualHosts() {
			listeners := References(vh.GetMetadata())
			r.gateways = appendNew(r.gateways, withoutSection(listeners)...)
			for _, route := range vh.GetRoutes() {
				r.add(listeners, route)
			}
		}
	}
	return r
}

// Of returns what leads to a cluster, and nil if no route does.
func (r *Reach) Of(cluster string) *ClusterReach { return r.clusters[cluster] }

// Clusters are the names of all clusters that a route leads to.
func (r *Reach) Clusters() []string { return r.names }

// Gateways are all Gateways that have a virtual host, without section names.
func (r *Reach) Gateways() []Reference { return r.gateways }

// add notes what the route leads to.
func (r *Reach) add(listeners []Reference, route *routev3.Route) {
	action := route.GetRoute()
	if action == nil {
		return
	}
	marks := Marks(route.GetMetadata())
	for _, name := range clustersOf(action) {
		c := r.clusters[name]
		if c == nil {
			c = &ClusterReach{}
			r.clusters[name] = c
			r.names = append(r.names, name)
		}
		c.Listeners = appendNew(c.Listeners, listeners...)
		c.Marks = appendNew(c.Marks, marks...)
	}
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

func withoutSection(refs []Reference) []Reference {
	out := make([]Reference, len(refs))
	for i, r := range refs {
		r.SectionName = ""
		out[i] = r
	}
	return out
}

func appendNew[T comparable](list []T, items ...T) []T {
next:
	for _, item := range items {
		for _, have := range list {
			if have == item {
				continue next
			}
		}
		list = append(list, item)
	}
	return list
}
