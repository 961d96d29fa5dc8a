package xds

import (
	"slices"
	"strings"
	"sync"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// VirtualHostIndex says where the routes of one virtual host lead. It is not changed after
// [NewVirtualHostIndex] made it, and may be used for many a [RouteIndex].
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

// in is the virtual host as one of a route configuration, whose name may tell more of the
// listeners than its own.
func (h *VirtualHostIndex) in(configuration string) *VirtualHostIndex {
	listeners := ofListenerSets(configuration, h.name, h.listeners)
	if slices.Equal(listeners, h.listeners) {
		return h
	}
	return &VirtualHostIndex{h.name, listeners, h.routes}
}

// Listeners are those of the virtual host.
func (h *VirtualHostIndex) Listeners() []Reference { return h.listeners }

// EachRoute calls f for each route of the host, with its entries and the clusters that it leads to.
func (h *VirtualHostIndex) EachRoute(f func(entries []MetadataEntry, clusters []string)) {
	for _, r := range h.routes {
		f(r.entries, r.clusters)
	}
}

// MetadataEntries are those of each route that leads to a cluster or has any.
func (h *VirtualHostIndex) MetadataEntries() [][]MetadataEntry {
	out := make([][]MetadataEntry, len(h.routes))
	for i, r := range h.routes {
		out[i] = r.entries
	}
	return out
}

// ClustersOf are the clusters that a route leads to, those of mirrored requests included, and
// those that a held route leads to once it is let go.
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

// RenameClusters gives the clusters that a route leads to other names. A route that is held
// stays so.
func RenameClusters(a *routev3.RouteAction, rename func(name string) string) {
	eachCluster(a, func(name *string) {
		free := Released(*name)
		*name = strings.TrimSuffix(*name, free) + rename(free)
	})
}

// Configuration is a route configuration, by which a listener finds its routes.
type Configuration struct {
	// Name is what the listener's HTTP connection manager asks for.
	Name  string
	Hosts []*VirtualHostIndex
}

// RouteIndex tells, for the clusters and the route configurations of a translation, which
// Gateway listeners and which routes lead to them, as the virtual hosts of the same
// translation say.
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

// Way is how requests come to a cluster: by virtual hosts of the same listeners, and routes
// with the same entries. There is one of each in a [RouteIndex].
type Way struct {
	Listeners       []Reference
	MetadataEntries []MetadataEntry
}

// Referrers says what leads to one resource.
type Referrers struct {
	listeners distinct[Reference]
	entries   distinct[MetadataEntry]
	ways      distinct[*Way]
}

// Ways are the ways to a cluster, in the order of the configuration. A route configuration has
// none.
func (o *Referrers) Ways() []*Way { return o.ways.list }

// Listeners are references of kind Gateway, each with the listener's name, in the order
// of the configuration and free of duplicates.
func (o *Referrers) Listeners() []Reference { return o.listeners.list }

// MetadataEntries are what the Route hook left on the routes, in the order of the configuration and
// free of duplicates.
func (o *Referrers) MetadataEntries() []MetadataEntry { return o.entries.list }

func (o *Referrers) add(listeners []Reference, entries []MetadataEntry) {
	o.listeners.addAll(listeners)
	for _, m := range entries {
		o.entries.add(m)
	}
}

// NewRouteIndex puts together what the virtual hosts say.
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

// add notes what the route leads to.
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

// wayFor returns the one way of its kind.
func (r *RouteIndex) wayFor(listeners []Reference, entries []MetadataEntry) *Way {
	key := wayKey(listeners, entries)
	if r.ways[key] == nil {
		r.ways[key] = &Way{listeners, entries}
	}
	return r.ways[key]
}

// Way returns how requests come by a virtual host of the listeners and a route with the entries,
// and nil if none do.
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

// Stranded are the clusters of held routes whose entries were lost on the way, so that nobody
// lets them go.
func (r *RouteIndex) Stranded() []string { return r.stranded.list }

func referrersIn(of map[string]*Referrers, name string) *Referrers {
	o := of[name]
	if o == nil {
		o = &Referrers{}
		of[name] = o
	}
	return o
}

// ForCluster returns what leads to a cluster, and nil if no route does.
func (r *RouteIndex) ForCluster(cluster string) *Referrers { return r.clusters[cluster] }

// Configuration returns the listeners and the entries of a route configuration, by its name,
// and nil if the translation has none of that name.
func (r *RouteIndex) Configuration(name string) *Referrers { return r.configurations[name] }

// Configurations are the names of all route configurations.
func (r *RouteIndex) Configurations() []string { return r.asked }

// Hosts are the virtual hosts of a route configuration, by its name.
func (r *RouteIndex) Hosts(configuration string) []*VirtualHostIndex { return r.hosts[configuration] }

// Clusters are the names of all clusters that a route leads to.
func (r *RouteIndex) Clusters() []string { return r.names }

// Gateways are all Gateways that have a virtual host, without section names.
func (r *RouteIndex) Gateways() []Reference { return r.gateways.list }
