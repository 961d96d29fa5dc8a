package engine

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// virtualHosts is RouteConfiguration.virtual_hosts.
const virtualHosts protowire.Number = 2

// config is a route configuration and its parts, which change one by one.
type config struct {
	raw []byte
	parts
	places, last []place // where the virtual hosts are remembered, and were at the call before
}

// isNew tells whether the configuration is another one than at the call before.
func (c *config) isNew() bool { return !slices.Equal(c.last, c.places) }

// parts are what counts of a route configuration. Nothing in it is part of the call.
type parts struct {
	name  string
	hosts []*host
}

// host is what counts of a virtual host. The same has the same id for as long as the memo
// remembers it, and other content never.
type host struct {
	id     uint64
	size   int // of what counts, in bytes
	marked bool
	reach  func() *xds.VirtualHostIndex // nil if the host cannot be decoded
}

// hostReader reads virtual hosts. What it needs it makes of descriptors when it is first used.
type hostReader struct {
	maps          func() *wire.Maps
	plain, marked func() *wire.Mask // what [xds.NewVirtualHostIndex] reads of a host without and with marks
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
		maps:   sync.OnceValue(func() *wire.Maps { return wire.MapsOf(vh) }),
		plain:  sync.OnceValue(func() *wire.Mask { return wire.MaskOf(vh, paths...) }),
		marked: sync.OnceValue(func() *wire.Mask { return wire.MaskOf(vh, append(paths, "routes.metadata.filter_metadata.value")...) }),
	}
}

// appendContent appends what counts of a virtual host, the same in whatever order maps are,
// and says whether it may have marks.
func (r hostReader) appendContent(b, raw []byte) (content []byte, marked bool) {
	content = r.plain().Append(b, raw)
	if bytes.Contains(content[len(b):], []byte(xds.MetadataNamespace)) {
		content, marked = r.marked().Append(b, raw), true
	}
	r.maps().Sort(content[len(b):])
	return content, marked
}

// configs are the route configurations of a call.
func (e *Engine) configs(call *Call) []config {
	var encoded [][]byte
	for _, list := range call.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			encoded = append(encoded, list.Encoded...)
		}
	}
	return e.readConfigs(asSent, encoded)
}

// state is what a route configuration is read as. The places of its virtual hosts are those of
// the same state at the call before.
type state string

const (
	asSent    state = "as sent"
	asChanged state = "as changed" // by mutators
)

// readConfigs reads route configurations, all of their virtual hosts at once.
func (e *Engine) readConfigs(s state, encoded [][]byte) []config {
	out, what := make([]config, len(encoded)), []byte("places of virtual hosts "+s)
	var all []unread
	for i, raw := range encoded {
		name := wire.NewView(wire.FieldNumbersOf((*routev3.RouteConfiguration)(nil)), raw).Name()
		last, _ := e.memo.recall(what, []byte(name)).([]place)
		u := unread{config: &out[i]}
		for num, value := range wire.Values(raw) {
			if num == virtualHosts {
				u.raw = value
				all = append(all, u)
				u.at++
			}
		}
		out[i] = config{raw, parts{strings.Clone(name), make([]*host, u.at)}, make([]place, u.at), last}
	}
	spread(len(all), 1, func() (func(int), func()) {
		content := make([]byte, 0, scratch)
		return func(i int) {
			u := &all[i]
			u.config.hosts[u.at], u.config.places[u.at], content = e.hostAt(u, content)
		}, func() {}
	})
	for _, c := range out {
		if c.isNew() {
			e.memo.keep(c.places, len(c.places)*placeSize, what, []byte(c.name))
		}
	}
	return out
}

// unread is a virtual host that is to be read.
type unread struct {
	config *config
	at     int // in the configuration
	raw    []byte
}

// hostAt reads a virtual host in some memory, which it returns for the next one.
func (e *Engine) hostAt(u *unread, content []byte) (*host, place, []byte) {
	if last := u.config.last; u.at < len(last) {
		if found := e.memo.again(last[u.at], u.raw, content); found != nil {
			return found.value.(*host), found.place, content
		}
	}
	content, marked := e.hosts.appendContent(content[:0], u.raw)
	h := e.host(content, marked)
	return h, e.placeOf(h, u.raw), content
}

// placeOf is where it is remembered what counts of a virtual host, of which raw is all.
func (e *Engine) placeOf(h *host, raw []byte) place {
	if e.memo == nil {
		return place{}
	}
	content := bytes.Clone(raw)
	e.hosts.maps().Sort(content)
	return e.memo.keepContent(e.hosts.maps(), h, 0, []byte("virtual host as a whole"), content).place
}

// host is the virtual host of which content counts, which is not kept.
func (e *Engine) host(content []byte, marked bool) *host {
	what := []byte("virtual host")
	if marked {
		what = []byte("virtual host with marks")
	}
	if h, ok := e.memo.recall(what, content).(*host); ok {
		return h
	}
	content = bytes.Clone(content)
	read := sync.OnceValue(func() *xds.VirtualHostIndex { return readHost(content) })
	h := &host{id: e.lastHost.Add(1), size: len(content), marked: marked, reach: read}
	e.memo.keep(h, len(content), what, content)
	return h
}

// readHost reads what counts of a virtual host. One that cannot be decoded is left out:
// Envoy Gateway encoded it, and Envoy would refuse it as well.
func readHost(content []byte) *xds.VirtualHostIndex {
	vh := &routev3.VirtualHost{}
	if proto.Unmarshal(content, vh) != nil {
		return nil
	}
	return xds.NewVirtualHostIndex(vh)
}

func partsOf(configs []config) []parts {
	out := make([]parts, len(configs))
	for i, c := range configs {
		out[i] = c.parts
	}
	return out
}

// reach says what leads to the clusters. A large virtual host is worth a goroutine.
func reach(configs []parts) *xds.RouteIndex {
	var hosts []*host
	for _, c := range configs {
		hosts = append(hosts, c.hosts...)
	}
	read := make([]*xds.VirtualHostIndex, len(hosts))
	spread(len(hosts), 1, func() (func(int), func()) {
		return func(i int) { read[i] = hosts[i].reach() }, func() {}
	})
	configurations := make([]xds.Configuration, len(configs))
	for i, c := range configs {
		configurations[i] = xds.Configuration{Name: c.name, Hosts: readable(read[:len(c.hosts)])}
		read = read[len(c.hosts):]
	}
	return xds.NewRouteIndex(configurations)
}

// readable leaves out virtual hosts that could not be decoded.
func readable(hosts []*xds.VirtualHostIndex) []*xds.VirtualHostIndex {
	return slices.DeleteFunc(slices.Clone(hosts), func(h *xds.VirtualHostIndex) bool { return h == nil })
}
