package engine

import (
	"fmt"
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// given are the names that mutators gave to clusters.
type given struct {
	all   []rename
	was   map[string]string // old names by new name
	taken map[string]bool   // new names that several clusters got, or that a received cluster has
}

// givenNow returns the names, from the last call with the same policies and routes if they are
// equal.
func (s *settling) givenNow() *given {
	same := func(a rename, b renamed) bool { return a == b.rename }
	if last := s.p.given.Load(); last != nil && slices.EqualFunc(last.all, s.res.renamed, same) {
		return last
	}
	g := &given{all: s.res.renames(), was: make(map[string]string, len(s.res.renamed)), taken: map[string]bool{}}
	for _, r := range g.all {
		if was, again := g.was[r.name]; again && was != r.was { // otherwise both were received with the same name
			g.taken[r.name] = true
		}
		g.was[r.name] = r.was
	}
	for _, r := range g.all {
		if _, is := g.was[r.was]; is {
			g.taken[r.was] = true
		}
	}
	s.p.given.Store(g)
	return g
}

// findTaken finds the clusters that were renamed to the name of another cluster, received or
// renamed: Envoy keeps only one of two clusters with the same name, and all routes lead to it. All
// features fail that renamed such a cluster, whatever the order of the clusters. It reports whether
// any of them had not failed yet.
func (s *settling) findTaken(u unsettled) (found bool) {
	if len(s.res.renamed) == 0 {
		return false
	}
	g := s.givenNow()
	others := s.others(g)
	if len(g.taken) == 0 && len(others) == 0 {
		return false
	}
	by := s.renamedBy()
	for _, r := range s.res.renamed {
		if !g.taken[r.name] && !others[r.name] {
			continue
		}
		err := fmt.Errorf("renamed the %s from %q to %q, which is the name of another one", mutator.KindCluster, r.was, r.name)
		for _, feature := range by[r.was] {
			found = u.fail(r.spot, feature, err) || found
		}
	}
	return found
}

// others returns the new names that clusters have which were not renamed.
func (s *settling) others(g *given) map[string]bool {
	found, left, view := map[string]bool{}, s.res.renamed, wire.NewView(wire.FieldNumbersOf((*clusterv3.Cluster)(nil)), nil)
	for l, list := range s.call.Resources {
		if list.Kind != mutator.KindCluster {
			continue
		}
		for i, raw := range list.Encoded {
			if len(left) > 0 && left[0].spot == (spot{l, i}) {
				left = left[1:]
				continue
			}
			view.Reset(raw)
			if _, is := g.was[view.Name()]; is {
				found[strings.Clone(view.Name())] = true
			}
		}
	}
	return found
}

// renamedBy returns the features that may rename clusters and did not fail, by received name of the
// cluster.
func (s *settling) renamedBy() map[string][]string {
	renames := map[string]bool{}
	for _, f := range s.features {
		renames[f.Name] = f.RenamesClusters
	}
	by := map[string][]string{}
	for _, o := range s.res.Outcomes {
		if renames[o.Feature] && o.Err == nil && o.Kind == mutator.KindCluster {
			by[o.Name] = append(by[o.Name], o.Feature)
		}
	}
	return by
}
