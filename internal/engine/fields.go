package engine

import (
	"bytes"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/xds"
)

// fields is a path of field numbers from a message to a nested value. It reads a few values without
// decoding the whole message, such as a listener.
type fields []protowire.Number

// each calls f with all values in order.
func (p fields) each(raw []byte, f func(value []byte)) {
	for num, value := range wire.Values(raw) {
		switch {
		case num != p[0]:
		case len(p) == 1:
			f(value)
		default:
			p[1:].each(value, f)
		}
	}
}

func (p fields) all(raw []byte) (values [][]byte) {
	p.each(raw, func(value []byte) { values = append(values, value) })
	return values
}

// domains returns the domains of a virtual host.
func domains(virtualHost []byte) [][]byte { return fields{2}.all(virtualHost) }

// clustersIn returns the clusters that the routes of a route configuration name, including those of
// mirrored requests.
func clustersIn(configuration []byte) (names [][]byte) {
	add := func(name []byte) { names = append(names, []byte(xds.Released(string(name)))) }
	fields{13, 1}.each(configuration, add)
	fields{virtualHosts}.each(configuration, func(host []byte) {
		fields{22, 1}.each(host, add)
		fields{3, 2}.each(host, func(action []byte) {
			fields{1}.each(action, add)
			fields{3, 1, 1}.each(action, add)
			fields{30, 1}.each(action, add)
		})
	})
	return names
}

// managers calls f with each HTTP connection manager of a listener.
func managers(listener []byte, f func(manager []byte)) {
	ofChain := func(chain []byte) {
		fields{3, 4}.each(chain, func(config []byte) {
			var url, value []byte
			for num, v := range wire.Values(config) {
				switch num {
				case 1:
					url = v
				case 2:
					value = v
				}
			}
			if bytes.HasSuffix(url, []byte("/"+hcmType)) {
				f(value)
			}
		})
	}
	fields{3}.each(listener, ofChain)
	fields{25}.each(listener, ofChain)
}

const hcmType = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

// askedFor returns the names of the route configurations that the HTTP connection managers of a
// listener request.
func askedFor(listener []byte) (names [][]byte) {
	managers(listener, func(manager []byte) { names = append(names, fields{3, 2}.all(manager)...) })
	return names
}

// inlined returns the inline route configurations of a listener.
func inlined(listener []byte) (configurations [][]byte) {
	managers(listener, func(manager []byte) { configurations = append(configurations, fields{4}.all(manager)...) })
	return configurations
}

// twice returns the domains that occur more than once in a route configuration, sorted, in lower
// case as Envoy compares them. Envoy rejects duplicate domains, but not duplicate names of virtual
// hosts, HTTP filters or filter chains (seen with 1.39.1).
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/config_impl.cc
func twice(hosts [][][]byte) (found []string) {
	times := map[string]int{}
	for _, of := range hosts {
		for _, d := range of {
			domain := lower(d)
			if times[domain]++; times[domain] == 2 {
				found = append(found, domain)
			}
		}
	}
	slices.Sort(found)
	return found
}

func lower(domain []byte) string { return strings.ToLower(string(domain)) }

// domainsIn returns the domains of each virtual host of a route configuration.
func domainsIn(configuration []byte) (hosts [][][]byte) {
	fields{virtualHosts}.each(configuration, func(host []byte) { hosts = append(hosts, domains(host)) })
	return hosts
}

// without returns the items of after that are not in before, each once.
func without(before, after [][]byte) (added []string) {
	if slices.EqualFunc(before, after, bytes.Equal) {
		return nil
	}
	seen := map[string]bool{"": true}
	for _, item := range before {
		seen[string(item)] = true
	}
	for _, item := range after {
		if !seen[string(item)] {
			seen[string(item)] = true
			added = append(added, string(item))
		}
	}
	return added
}
