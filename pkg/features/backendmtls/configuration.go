package backendmtls

import (
	"context"
	"crypto/sha256"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// routeConfigurations lead requests to the copies of clusters that are theirs. They refuse the
// requests of routes whose policy is not known any more, and those of routes with a policy
// whose clusters did not come with the translation: nothing can be made of those, and Envoy
// would speak to them in cleartext.
type routeConfigurations struct{}

// change is what becomes of the routes of a configuration.
type change struct {
	any bool
	key string
}

type changesKey struct{}

// changesOf are those of all configurations.
func changesOf(in *mutator.Input) map[string]change {
	return mutator.ComputeOnce(in, changesKey{}, func(in *mutator.Input) map[string]change {
		out := map[string]change{}
		for _, name := range in.Routes().Configurations() {
			out[name] = changeOf(in, name)
		}
		return out
	})
}

func changeOf(in *mutator.Input, configuration string) change {
	x, sum, found := indexOf(in), sha256.New(), false
	for _, h := range in.Routes().Hosts(configuration) {
		h.EachRoute(func(marks []xds.MetadataEntry, names []string) {
			w := x.ways[in.Routes().Way(h.Listeners(), marks)]
			for _, name := range names {
				target, refused := x.target(in, w, name)
				found = found || refused || target != name
				_, _ = sum.Write([]byte(name + "\x00" + target + "\x00")) // a hash takes everything
			}
		})
	}
	return change{found, string(sum.Sum(nil))}
}

// target is the cluster that requests of a way to a cluster are led to.
func (x *index) target(in *mutator.Input, w *way, cluster string) (name string, refused bool) {
	switch {
	case w == nil:
		return cluster, false
	case w.lost, w.winner() != nil && !in.Has(mutator.KindCluster):
		return cluster, true
	}
	if group := x.clusters[cluster]; group != nil && group.copied && w.winner() != nil {
		return copyName(cluster, w.winner()), false
	}
	return cluster, false
}

// changes tells whether any route of a translation may have to be changed. Most translations
// have none, and their routes are not looked at one by one.
func (x *index) changes(in *mutator.Input) bool {
	return x.copies || x.lost || x.reaches && !in.Has(mutator.KindCluster)
}

// Plan leads the routes of a configuration to where they belong if one of them has to be changed.
// The key stands for where each leads.
func (routeConfigurations) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	if in.Hook != mutator.HookTranslation || !indexOf(in).changes(in) {
		return nil
	}
	change := changesOf(in)[rc.Name()]
	if !change.any {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:     func(_ context.Context, rc *routev3.RouteConfiguration) error { return leadAll(in, rc) },
		CacheKey: &change.key,
		Affected: func(rc *routev3.RouteConfiguration) []*policy.Object { return winnersOf(in, rc.GetName()) },
	}
}

// winnersOf are the policies that win the routes of a configuration.
func winnersOf(in *mutator.Input, configuration string) (on []*policy.Object) {
	x, seen := indexOf(in), map[*policy.Object]bool{}
	for _, h := range in.Routes().Hosts(configuration) {
		h.EachRoute(func(marks []xds.MetadataEntry, _ []string) {
			w := x.ways[in.Routes().Way(h.Listeners(), marks)]
			if w == nil || w.winner() == nil || seen[w.winner()] {
				return
			}
			seen[w.winner()] = true
			on = append(on, w.winner())
		})
	}
	return on
}

// leadAll leads each route to where it belongs.
func leadAll(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	x := indexOf(in)
	for _, vh := range rc.GetVirtualHosts() {
		listeners := xds.ListenersOf(rc.GetName(), vh)
		for _, r := range vh.GetRoutes() {
			w, refused := x.ways[in.Routes().Way(listeners, xds.MetadataEntries(r.GetMetadata()))], false
			xds.RenameClusters(r.GetRoute(), func(name string) string {
				target, no := x.target(in, w, name)
				refused = refused || no
				return target
			})
			if !refused {
				continue
			}
			if err := xds.DenyRoute(r); err != nil {
				return err
			}
		}
	}
	return nil
}
