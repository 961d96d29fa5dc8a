package engine

import (
	"maps"
	"slices"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// rename is the old and new name of a renamed cluster.
type rename struct{ was, name string }

// renamed is a renamed cluster, with its content under the old name.
type renamed struct {
	rename
	spot
	raw []byte
}

// Fields of Cluster.
const (
	edsClusterConfig protowire.Number = 3
	healthChecks     protowire.Number = 8
)

// rename records that a cluster, received as raw, was renamed.
func (r *Response) rename(to *chainResult, at spot, raw []byte) {
	if to.kept != nil {
		raw = to.kept
	}
	r.renamed = append(r.renamed, renamed{rename{to.was, to.name}, at, raw})
}

// keepRenamed also keeps renamed EDS clusters in the translation under their old names, as they are
// without the feature that renames, and without a route to them. Otherwise, when such a cluster
// comes back, Envoy would respond with 503 while it waits for its endpoints: 15 s unless the
// cluster sets another timeout. Clusters with health checks are not kept because Envoy would
// continue to check the backend.
func (r *Response) keepRenamed(record func(renamed)) {
	if len(r.renamed) == 0 {
		return
	}
	list, names := listOf(r, mutator.KindCluster), namesOf(r, mutator.KindCluster, wire.FieldNumbersOf((*clusterv3.Cluster)(nil)))
	list.Encoded = slices.Clip(list.Encoded)
	for _, c := range r.renamed {
		if isWaitedFor(c.raw) {
			list.Encoded, names = append(list.Encoded, c.raw), append(names, c.was)
			record(c)
		}
	}
	r.names[mutator.KindCluster] = names
}

// isWaitedFor reports whether Envoy waits for the endpoints of a cluster and does nothing else with
// it.
func isWaitedFor(cluster []byte) bool {
	eds, checked := false, false
	for num := range wire.Values(cluster) {
		eds, checked = eds || num == edsClusterConfig, checked || num == healthChecks
	}
	return eds && !checked
}

// renames returns the old and new names of the renamed clusters.
func (r *Response) renames() []rename {
	all := make([]rename, len(r.renamed))
	for i, c := range r.renamed {
		all[i] = c.rename
	}
	return all
}

// renaming is the renamed clusters of a translation. A nil one is empty.
type renaming struct {
	all   []rename
	to    map[string]string
	hosts *sync.Map // from *host to the result of of
}

// renamingOf returns the renaming of the last call with the same policies and routes if the renames
// are still the same.
func (e *Engine) renamingOf(p *callState, all []rename) *renaming {
	if len(all) == 0 {
		return nil
	}
	last := p.renaming.Load()
	if last != nil && slices.Equal(last.all, all) {
		return last
	}
	r := &renaming{all: all, to: make(map[string]string, len(all)), hosts: &sync.Map{}}
	for _, c := range all {
		r.to[c.was] = c.name
	}
	if last != nil && maps.Equal(last.to, r.to) { // in another order
		r.hosts = last.hosts
	}
	p.renaming.Store(r)
	return r
}

// of returns the old and new names of the renamed clusters to which routes of a virtual host lead.
func (r *renaming) of(h *host) []string {
	if r == nil {
		return nil
	}
	if known, ok := r.hosts.Load(h); ok {
		return known.([]string)
	}
	var names []string
	if reach := h.reach(); reach != nil {
		seen := map[string]bool{}
		reach.EachRoute(func(_ []xds.MetadataEntry, clusters []string) {
			for _, was := range clusters {
				if r.to[was] != "" && !seen[was] {
					seen[was], names = true, append(names, was, r.to[was])
				}
			}
		})
	}
	r.hosts.Store(h, names)
	return names
}

// name returns the current name of a cluster.
func (r *renaming) name(was string) string {
	if r != nil && r.to[was] != "" {
		return r.to[was]
	}
	return was
}

// releasedConfig returns a route configuration with the routes that Envoy must get. A virtual host
// without changes keeps its bytes.
func (e *Engine) releasedConfig(c config, r *renaming) []byte {
	i := -1
	return wire.Replace(c.raw, virtualHosts, func(raw []byte) []byte {
		if i++; c.hosts[i].withMetadata || len(r.of(c.hosts[i])) > 0 {
			return e.releasedHost(c.slots[i], c.hosts[i], raw, r)
		}
		return raw
	})
}

// releasedHost returns a virtual host with the routes that Envoy must get, or the unmodified host
// if it cannot be decoded. The slot identifies the host. The result is cached until the host or one
// of its clusters changes: other routes and clusters of the Gateway may change in each call.
func (e *Engine) releasedHost(at cache.Slot, h *host, raw []byte, r *renaming) []byte {
	if at == (cache.Slot{}) {
		released, _ := release(raw, r)
		return released
	}
	key := releasedKey{host: at.ID(), renames: r.of(h)}
	if found := e.cached.released.Get(key); found != nil {
		return found.Value
	}
	released, ok := release(raw, r)
	if ok {
		e.cached.released.Put(key, released, len(released))
	}
	return released
}

func release(raw []byte, r *renaming) ([]byte, bool) {
	vh := &routev3.VirtualHost{}
	if proto.Unmarshal(raw, vh) != nil {
		return raw, false
	}
	xds.ReleaseRoutes(vh, mutator.IsReadable)
	for _, route := range vh.GetRoutes() {
		xds.RenameClusters(route.GetRoute(), r.name)
	}
	released, err := encode(vh)
	if err != nil {
		return raw, false
	}
	return released, true
}
