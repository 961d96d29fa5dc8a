package xds

import (
	"slices"
	"strings"
	"sync"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// VirtualHostIndex is where the routes of one virtual host lead. It is immutable, and several
// [RouteIndex] can share it.
type VirtualHostIndex struct {
	name      string
	listeners []Reference
	routes    []routeEntry
}

// routeEntry is a route that leads to clusters or has entries.
type routeEntry struct {
	clusters []string
	entries  []MetadataEntry
	held     bool
}

// NewVirtualHostIndex reads a virtual host.
func NewVirtualHostIndex(vh *routev3.VirtualHost) *VirtualHostIndex {
	h := &VirtualHostIndex{name: vh.GetName(), listeners: ListenersOf("", vh)}
	for _, r := range vh.GetRoutes() {
		names, entries := ClustersOf(r.GetRoute()), MetadataEntries(r.GetMetadata())
		if len(names) > 0 || len(entries) > 0 {
			h.routes = append(h.routes, routeEntry{names, entries, isHeld(r.GetRoute())})
		}
	}
	return h
}

// in returns the index for a virtual host of a route configuration, whose name may show more about
// the listeners than the name of the virtual host.
func (h *VirtualHostIndex) in(configuration string) *VirtualHostIndex {
	listeners := ofListenerSets(configuration, h.name, h.listeners)
	if slices.Equal(listeners, h.listeners) {
		return h
	}
	return &VirtualHostIndex{h.name, listeners, h.routes}
}

// Listeners returns the listeners of the virtual host.
func (h *VirtualHostIndex) Listeners() []Reference { return h.listeners }

// EachRoute calls f for each route of the host, with its entries and the clusters to which it
// leads.
func (h *VirtualHostIndex) EachRoute(f func(entries []MetadataEntry, clusters []string)) {
	for _, r := range h.routes {
		f(r.entries, r.clusters)
	}
}

// MetadataEntries returns the entries of each route that leads to a cluster or has entries.
func (h *VirtualHostIndex) MetadataEntries() [][]MetadataEntry {
	out := make([][]MetadataEntry, len(h.routes))
	for i, r := range h.routes {
		out[i] = r.entries
	}
	return out
}

// ClustersOf returns the clusters to which a route leads, including clusters of mirrored requests.
// For a held route, it returns the clusters after its release.
func ClustersOf(a *routev3.RouteAction) (names []string) {
	eachCluster(a, func(name *string) {
		if *name != "" {
			names = append(names, Released(*name))
		}
	})
	return names
}

// eachCluster calls f for each name of a cluster in a route action.
func eachCluster(a *routev3.RouteAction, f func(name *string)) {
	if c, ok := a.GetClusterSpecifier().(*routev3.RouteAction_Cluster); ok {
		f(&c.Cluster)
	}
	for _, w := range a.GetWeightedClusters().GetClusters() {
		f(&w.Name)
	}
	for _, m := range a.GetRequestMirrorPolicies() {
		f(&m.Cluster)
	}
}

// RenameClusters gives the clusters to which a route leads other names. A held route stays held.
func RenameClusters(a *routev3.RouteAction, rename func(name string) string) {
	eachCluster(a, func(name *string) {
		free := Released(*name)
		*name = strings.TrimSuffix(*name, free) + rename(free)
	})
}

// Configuration is a route configuration. A listener refers to it by name.
type Configuration struct {
	// Name is the name that the listener's HTTP connection manager fetches.
	Name  string
	Hosts []*VirtualHostIndex
}

// RouteIndex shows, for the clusters and the route configurations of a translation, which Gateway
// listeners and routes lead to them, according to the virtual hosts of the translation.
type RouteIndex struct {
	clusters       map[string]*Referrers
	names          []string
	configurations map[string]*Referrers
	asked          []string
	hosts          map[string][]*VirtualHostIndex
	gateways       distinct[Reference]
	ways           map[string]*Way
	stranded       distinct[string]
	groups         func() []*Group // see [RouteIndex.Groups]
}

// Way is how requests reach a cluster: by virtual hosts of the same listeners, and routes with the
// same entries. A [RouteIndex] contains each way once.
type Way struct {
	Listeners       []Reference
	MetadataEntries []MetadataEntry
}

// Referrers is what leads to one resource.
type Referrers struct {
	listeners distinct[Reference]
	entries   distinct[MetadataEntry]
	ways      distinct[*Way]
}

// Ways returns the ways to a cluster, in the order of the configuration. A route configuration has
// none.
func (o *Referrers) Ways() []*Way { return o.ways.list }

// Listeners returns references of kind Gateway, each with the listener's name, in the order of the
// configuration and without duplicates.
func (o *Referrers) Listeners() []Reference { return o.listeners.list }

// MetadataEntries returns the entries that the Route hook added to the routes, in the order of the
// configuration and without duplicates.
func (o *Referrers) MetadataEntries() []MetadataEntry { return o.entries.list }

func (o *Referrers) add(listeners []Reference, entries []MetadataEntry) {
	o.listeners.addAll(listeners)
	for _, m := range entries {
		o.entries.add(m)
	}
}

// NewRouteIndex combines the indexes of the virtual hosts.
func NewRouteIndex(configurations []Configuration) *RouteIndex {
	r := &RouteIndex{clusters: map[string]*Referrers{}, configurations: map[string]*Referrers{}, hosts: map[string][]*VirtualHostIndex{}, ways: map[string]*Way{}}
	r.groups = sync.OnceValue(r.newGroups)
	for _, c := range configurations {
		if r.configurations[c.Name] == nil {
			r.asked = append(r.asked, c.Name)
		}
		whole := referrersIn(r.configurations, c.Name)
		for _, h := range c.Hosts {
			h = h.in(c.Name)
			r.hosts[c.Name] = append(r.hosts[c.Name], h)
			plain := r.wayFor(h.listeners, nil)
			whole.add(h.listeners, nil)
			for _, l := range h.listeners {
				l.SectionName, l.ListenerSet = "", ""
				r.gateways.add(l)
			}
			for _, route := range h.routes {
				whole.add(nil, route.entries)
				way := plain
				if len(route.entries) > 0 {
					way = r.wayFor(h.listeners, route.entries)
				}
				r.add(way, route)
			}
		}
	}
	return r
}

// add records where the route leads.
func (r *RouteIndex) add(way *Way, route routeEntry) {
	for _, name := range route.clusters {
		if r.clusters[name] == nil {
			r.names = append(r.names, name)
		}
		o := referrersIn(r.clusters, name)
		o.add(way.Listeners, way.MetadataEntries)
		o.ways.add(way)
		if route.held && len(route.entries) == 0 {
			r.stranded.add(name)
		}
	}
}

// wayFor returns the way with the listeners and entries, and adds it if necessary.
func (r *RouteIndex) wayFor(listeners []Reference, entries []MetadataEntry) *Way {
	key := wayKey(listeners, entries)
	if r.ways[key] == nil {
		r.ways[key] = &Way{listeners, entries}
	}
	return r.ways[key]
}

// Way returns the way of requests by a virtual host of the listeners and a route with the entries,
// or nil if there is none.
func (r *RouteIndex) Way(listeners []Reference, entries []MetadataEntry) *Way {
	return r.ways[wayKey(listeners, entries)]
}

func wayKey(listeners []Reference, entries []MetadataEntry) string {
	var b strings.Builder
	for _, l := range listeners {
		b.WriteString(l.String() + "\x00")
	}
	for _, m := range entries {
		b.WriteString("\x01" + m.Key + "\x00" + m.Value)
	}
	return b.String()
}

// Stranded returns the clusters of held routes that lost their entries, so that nothing releases
// the routes.
func (r *RouteIndex) Stranded() []string { return r.stranded.list }

func referrersIn(of map[string]*Referrers, name string) *Referrers {
	o := of[name]
	if o == nil {
		o = &Referrers{}
		of[name] = o
	}
	return o
}

// ForCluster returns what leads to a cluster, or nil if no route does.
func (r *RouteIndex) ForCluster(cluster string) *Referrers { return r.clusters[cluster] }

// Configuration returns the listeners and the entries of a route configuration, by its name, or nil
// if the translation does not contain it.
func (r *RouteIndex) Configuration(name string) *Referrers { return r.configurations[name] }

// Configurations returns the names of all route configurations.
func (r *RouteIndex) Configurations() []string { return r.asked }

// Hosts returns the virtual hosts of a route configuration, by its name.
func (r *RouteIndex) Hosts(configuration string) []*VirtualHostIndex { return r.hosts[configuration] }

// Clusters returns the names of all clusters to which a route leads.
func (r *RouteIndex) Clusters() []string { return r.names }

// Gateways returns all Gateways that have a virtual host, without section names.
func (r *RouteIndex) Gateways() []Reference { return r.gateways.list }
