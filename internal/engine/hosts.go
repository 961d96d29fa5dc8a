package engine

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"sync"
	"unsafe"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// virtualHosts is RouteConfiguration.virtual_hosts.
const virtualHosts protowire.Number = 2

// slotSize is the size of a slot in bytes.
const slotSize = int(unsafe.Sizeof(cache.Slot{}))

// config is a route configuration and its virtual hosts, which change independently.
type config struct {
	raw []byte
	parts
	slots, last []cache.Slot // of the virtual hosts in the cache, now and in the previous call
}

// isNew reports whether the configuration differs from the previous call.
func (c *config) isNew() bool { return !slices.Equal(c.last, c.slots) }

// ids returns the IDs of the virtual hosts in ascending order.
func (p parts) ids() []uint64 {
	out := make([]uint64, len(p.hosts))
	for i, h := range p.hosts {
		out[i] = h.id
	}
	slices.Sort(out)
	return out
}

// parts is the relevant content of a route configuration. It does not retain bytes of the call.
type parts struct {
	name  string
	hosts []*host
}

// host is the relevant content of a virtual host. Equal content has the same ID for as long as it
// is cached, and different content never has.
type host struct {
	id           uint64
	name         string
	content      []byte // the relevant content
	withMetadata bool
	// shadowed is whether a route may have a shadow entry.
	shadowed bool
	reach    func() *xds.VirtualHostIndex // returns nil if the host cannot be decoded
}

// hostReader reads virtual hosts. It computes what it needs from descriptors on first use.
type hostReader struct {
	maps                func() *wire.Maps
	plain, withMetadata func() *wire.Mask // fields that [xds.NewVirtualHostIndex] reads, without and with route metadata
}

func newHostReader() hostReader {
	vh, paths := (*routev3.VirtualHost)(nil), []string{
		"name",
		"metadata",
		"routes.route.cluster",
		"routes.route.weighted_clusters.clusters.name",
		"routes.route.request_mirror_policies.cluster",
		"routes.metadata.filter_metadata.key",
	}
	return hostReader{
		maps:         sync.OnceValue(func() *wire.Maps { return wire.MapsOf(vh) }),
		plain:        sync.OnceValue(func() *wire.Mask { return wire.MaskOf(vh, paths...) }),
		withMetadata: sync.OnceValue(func() *wire.Mask { return wire.MaskOf(vh, append(paths, "routes.metadata.filter_metadata.value")...) }),
	}
}

// appendContent appends the relevant content of a virtual host with sorted maps, and reports
// whether it may have route metadata.
func (r hostReader) appendContent(b, raw []byte) (content []byte, withMetadata bool) {
	content = r.plain().Append(b, raw)
	if bytes.Contains(content[len(b):], []byte(xds.MetadataNamespace)) {
		content, withMetadata = r.withMetadata().Append(b, raw), true
	}
	r.maps().Sort(content[len(b):])
	return content, withMetadata
}

// configs returns the route configurations of a call.
func (e *Engine) configs(call *Call) []config {
	var encoded [][]byte
	for _, list := range call.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			encoded = append(encoded, list.Encoded...)
		}
	}
	return e.readConfigs(asSent, encoded)
}

// state is the stage at which a route configuration is read. Slots are compared with those of the
// same state in the previous call.
type state string

const (
	asSent    state = "as sent"
	asChanged state = "as changed" // by mutators
)

// readConfigs reads route configurations, with all virtual hosts in parallel.
func (e *Engine) readConfigs(s state, encoded [][]byte) []config {
	if e.isShadow {
		s = "shadow " + s
	}
	out := make([]config, len(encoded))
	var all []unread
	for i, raw := range encoded {
		name := wire.NewView(wire.FieldNumbersOf((*routev3.RouteConfiguration)(nil)), raw).Name()
		var last []cache.Slot
		if found := e.cached.hostSlots.Get(hostSlotsKey{s, name}); found != nil {
			last = found.Value
		}
		u := unread{config: &out[i]}
		for num, value := range wire.Values(raw) {
			if num == virtualHosts {
				u.raw = value
				all = append(all, u)
				u.at++
			}
		}
		out[i] = config{raw, parts{strings.Clone(name), make([]*host, u.at)}, make([]cache.Slot, u.at), last}
	}
	parallel(len(all), 1, func() (func(int), func()) {
		content := make([]byte, 0, scratch)
		return func(i int) {
			u := &all[i]
			u.config.hosts[u.at], u.config.slots[u.at], content = e.hostAt(u, content)
		}, func() {}
	})
	for _, c := range out {
		if c.isNew() {
			e.cached.hostSlots.Put(hostSlotsKey{s, c.name}, c.slots, len(c.slots)*slotSize)
		}
	}
	return out
}

// unread is a virtual host to read.
type unread struct {
	config *config
	at     int // index in the configuration
	raw    []byte
}

// hostAt reads a virtual host. It uses the buffer content and returns it for reuse.
func (e *Engine) hostAt(u *unread, content []byte) (*host, cache.Slot, []byte) {
	for _, slot := range near(u.config.last, u.at) {
		if found := e.cached.wholeHosts.GetAt(slot); found != nil && found.Value.content.Is(u.raw, content) {
			return found.Value.host, found.Slot, content
		}
	}
	content = append(content[:0], u.raw...)
	e.hosts.maps().Sort(content)
	if found := e.cached.wholeHosts.Get(wholeHostKey{content}); found != nil {
		return found.Value.host, found.Slot, content
	}
	whole := len(content)
	content, withMetadata := e.hosts.appendContent(content, u.raw)
	h := e.host(content[whole:], withMetadata)
	return h, e.putWhole(h, content[:whole]), content
}

// near returns the entries of the previous call at the position of a resource and next to it, that
// at the same position first. Envoy Gateway orders virtual hosts and clusters by their routes, so
// one route that is added, deleted or changed may move many by one.
func near[T any](last []T, at int) (out [3]T) {
	for i, p := range [...]int{at, at - 1, at + 1} {
		if p >= 0 && p < len(last) {
			out[i] = last[p]
		}
	}
	return out
}

// putWhole caches a virtual host under its full content with sorted maps.
func (e *Engine) putWhole(h *host, content []byte) cache.Slot {
	return e.cached.wholeHosts.PutFunc(wholeHostKey{content}, func(content []byte) (wholeHost, int) {
		c := e.hosts.maps().Canonical(content)
		return wholeHost{c, h}, c.Size()
	})
}

// host returns the virtual host with the relevant content, which it does not retain.
func (e *Engine) host(content []byte, withMetadata bool) *host {
	if found := e.cached.hosts.Get(hostKey{withMetadata, content}); found != nil {
		return found.Value
	}
	content = bytes.Clone(content)
	read := sync.OnceValue(func() *xds.VirtualHostIndex { return readHost(content) })
	name := strings.Clone(wire.NewView(wire.FieldNumbersOf((*routev3.VirtualHost)(nil)), content).Name())
	h := &host{id: e.lastHost.Add(1), name: name, content: content, withMetadata: withMetadata, shadowed: withMetadata && bytes.Contains(content, []byte(xds.ShadowKey)), reach: read}
	e.cached.hosts.Put(hostKey{withMetadata, content}, h, len(content))
	return h
}

// readHost decodes the relevant content of a virtual host. It omits one that cannot be decoded:
// Envoy Gateway encoded it, and Envoy would reject it too.
func readHost(content []byte) *xds.VirtualHostIndex {
	vh := &routev3.VirtualHost{}
	if proto.Unmarshal(content, vh) != nil {
		return nil
	}
	return xds.NewVirtualHostIndex(vh)
}

// partsOf returns the relevant content of route configurations, with the virtual hosts in the order
// of their names: like the key of the state, it must not depend on Envoy Gateway's order. Hosts of
// one name are in the order of their content.
func partsOf(configs []config) []parts {
	out := make([]parts, len(configs))
	for i, c := range configs {
		hosts := slices.Clone(c.hosts)
		slices.SortFunc(hosts, func(a, b *host) int {
			return cmp.Or(strings.Compare(a.name, b.name), bytes.Compare(a.content, b.content))
		})
		out[i] = parts{c.name, hosts}
	}
	return out
}

// routeIndex returns the index of routes to clusters. A large virtual host is worth a goroutine.
func routeIndex(configs []parts) *xds.RouteIndex {
	var hosts []*host
	for _, c := range configs {
		hosts = append(hosts, c.hosts...)
	}
	read := make([]*xds.VirtualHostIndex, len(hosts))
	parallel(len(hosts), 1, func() (func(int), func()) {
		return func(i int) { read[i] = hosts[i].reach() }, func() {}
	})
	configurations := make([]xds.Configuration, len(configs))
	for i, c := range configs {
		configurations[i] = xds.Configuration{Name: c.name, Hosts: readable(read[:len(c.hosts)])}
		read = read[len(c.hosts):]
	}
	return xds.NewRouteIndex(configurations)
}

// readable removes virtual hosts that could not be decoded.
func readable(hosts []*xds.VirtualHostIndex) []*xds.VirtualHostIndex {
	return slices.DeleteFunc(slices.Clone(hosts), func(h *xds.VirtualHostIndex) bool { return h == nil })
}
