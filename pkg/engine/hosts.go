package engine

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/wire"
	"github.com/egraft/egraft/pkg/xds"
)

// virtualHosts is RouteConfiguration.virtual_hosts.
const virtualHosts protowire.Number = 2

// config is a route configuration, in parts that change one by one.
type config struct {
	raw   []byte
	name  string // part of raw
	hosts []*host
}

// host is a virtual host. The same content has the same id for as long as the memo
// remembers it, and other content never.
type host struct {
	id     uint64
	marked bool
	read   func() readHost
}

// readHost is what is made of a virtual host when it is first needed.
type readHost struct {
	reach   *xds.HostReach // nil if the host cannot be decoded
	cleared []byte         // without marks
}

// configs are the route configurations of a call.
func (e *Engine) configs(call *Call) []config {
	var out []config
	for _, list := range call.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			for _, raw := range list.Encoded {
				out = append(out, e.config(raw))
			}
		}
	}
	return out
}

func (e *Engine) config(raw []byte) config {
	c := config{raw: raw, name: wire.NewView(wire.ShapeOf((*routev3.RouteConfiguration)(nil)), raw).Name()}
	var encoded [][]byte
	for num, value := range wire.Values(raw) {
		if num == virtualHosts {
			encoded = append(encoded, value)
		}
	}
	c.hosts = make([]*host, len(encoded))
	spread(len(encoded), 1, func() (func(int), func()) {
		var content []byte
		return func(i int) {
			content = append(content[:0], encoded[i]...)
			e.hostMaps().Sort(content)
			c.hosts[i] = e.host(content)
		}, func() {}
	})
	return c
}

// host is the virtual host in content, which is not kept.
func (e *Engine) host(content []byte) *host {
	what := []byte("virtual host")
	if h, ok := e.memo.recall(what, content).(*host); ok {
		return h
	}
	raw := bytes.Clone(content)
	h := &host{id: e.hosts.Add(1), marked: bytes.Contains(raw, []byte(xds.MetadataNamespace))}
	h.read = sync.OnceValue(func() readHost { return decodeHost(raw, h.marked) })
	size := len(raw)
	if h.marked {
		size *= 2
	}
	e.memo.keep(h, size, what, raw)
	return h
}

// decodeHost reads a virtual host. One that cannot be decoded is left out and as it is:
// Envoy Gateway encoded it, and Envoy would refuse it as well.
func decodeHost(raw []byte, marked bool) readHost {
	vh := &routev3.VirtualHost{}
	if proto.Unmarshal(raw, vh) != nil {
		return readHost{cleared: raw}
	}
	h := readHost{reach: xds.ReadHost(vh), cleared: raw}
	if marked && xds.ClearRouteMarks(vh) {
		if cleared, err := encode(vh); err == nil {
			h.cleared = cleared
		}
	}
	return h
}

// reach says what leads to the clusters. A large virtual host is worth a goroutine.
func reach(configs []config) *xds.Reach {
	var hosts []*host
	for _, c := range configs {
		hosts = append(hosts, c.hosts...)
	}
	read := make([]*xds.HostReach, len(hosts))
	spread(len(hosts), 1, func() (func(int), func()) {
		return func(i int) { read[i] = hosts[i].read().reach }, func() {}
	})
	configurations := make([]xds.Configuration, len(configs))
	for i, c := range configs {
		configurations[i] = xds.Configuration{Name: strings.Clone(c.name), Hosts: readable(read[:len(c.hosts)])}
		read = read[len(c.hosts):]
	}
	return xds.NewReach(configurations)
}

// readable leaves out virtual hosts that could not be decoded.
func readable(hosts []*xds.HostReach) []*xds.HostReach {
	return slices.DeleteFunc(slices.Clone(hosts), func(h *xds.HostReach) bool { return h == nil })
}

// withoutMarks removes egraft's metadata from the routes of a configuration. A virtual
// host without any is left as the bytes that it is.
func (c config) withoutMarks() []byte {
	i := -1
	return wire.Replace(c.raw, virtualHosts, func(value []byte) []byte {
		if i++; c.hosts[i].marked {
			return c.hosts[i].read().cleared
		}
		return value
	})
}

func (c config) marked() bool {
	for _, h := range c.hosts {
		if h.marked {
			return true
		}
	}
	return false
}
