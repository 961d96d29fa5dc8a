package engine

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// variantRoutes changes routes to the copies that a feature owns, and denies the routes whose
// requests it rejects.
type variantRoutes struct {
	*variants
	feature int
}

// leadingOwner returns the owner of the code that changes a feature's routes to copies. It is not
// the feature: failures of its own mutators must not undo the routes on which other features rely.
func leadingOwner(feature string) string { return feature + "/routes" }

// featureOf returns the feature of an owner.
func featureOf(owner string) string {
	feature, _, _ := strings.Cut(owner, "/")
	return feature
}

// leading adds each feature with cluster variants to the chain of route configurations a second
// time: its routes are changed first, so that its own mutator gets the routes that Envoy will have.
func (v *variants) leading(features []mutator.Feature) (out []mutator.Feature) {
	for _, f := range features {
		if at, has := v.at[f.Name]; has {
			leads := f
			leads.RouteConfigurations = variantRoutes{v, at}
			out = append(out, leads)
		}
		out = append(out, f)
	}
	return out
}

// routeChange is what a feature changes in the routes of a configuration.
type routeChange struct {
	any       bool
	key       string
	onFailure mutator.FailurePolicy // Deny if any variant of the changed routes denies
}

type routeChangesKey struct{ variantRoutes }

// Plan edits a route configuration if one of its routes must be changed. The cache key depends on
// where each route leads.
func (v variantRoutes) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	if in.Hook != mutator.HookTranslation || !v.indexOf(in).features[v.feature].leads {
		return nil
	}
	change := mutator.ComputeOnce(in, routeChangesKey{v}, v.changes)[rc.Name()]
	if !change.any {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:     func(_ context.Context, rc *routev3.RouteConfiguration) error { return v.lead(in, rc) },
		CacheKey: &change.key, OnFailure: change.onFailure,
		Affected: func(rc *routev3.RouteConfiguration) []*policy.Object { return v.policies(in, rc.GetName()) },
	}
}

// changes returns the changes of all configurations.
func (v variantRoutes) changes(in *mutator.Input) map[string]routeChange {
	out := map[string]routeChange{}
	for _, configuration := range in.Routes().Configurations() {
		sum, change := sha256.New(), routeChange{}
		v.eachWay(in, configuration, func(c *combination, names []string) {
			for _, name := range names {
				target, rejected := v.target(in, c, name)
				if rejected || target != name {
					change.any = true
					change.onFailure = v.stricter(change.onFailure, c)
				}
				_, _ = sum.Write([]byte(name + "\x00" + target + "\x00")) // a hash never fails
			}
		})
		change.key = string(sum.Sum(nil))
		out[configuration] = change
	}
	return out
}

// stricter returns Deny if requests of a way must not reach clusters without a variant, of any
// feature. If the feature's failure policy is Fail, the call fails here too.
func (v variantRoutes) stricter(than mutator.FailurePolicy, c *combination) mutator.FailurePolicy {
	if v.onError[v.feature] == mutator.Fail {
		return than
	}
	for i, variant := range c.variants {
		if variant != nil && (variant.Reject || c.plans[i] != nil && !v.ignores(c, i)) {
			return mutator.Deny
		}
	}
	return than
}

// eachWay calls f for each route of a configuration with its clusters.
func (v variantRoutes) eachWay(in *mutator.Input, configuration string, f func(c *combination, clusters []string)) {
	x := v.indexOf(in)
	for _, h := range in.Routes().Hosts(configuration) {
		h.EachRoute(func(entries []xds.MetadataEntry, names []string) {
			f(x.ways[in.Routes().Way(h.Listeners(), entries)], names)
		})
	}
}

// target returns the cluster that gets the requests of a way to a cluster.
func (v variantRoutes) target(in *mutator.Input, c *combination, cluster string) (name string, rejected bool) {
	switch {
	case c == nil:
		return cluster, false
	case c.rejects(v.feature):
		return cluster, true
	case c.owner != v.feature:
		return cluster, false
	}
	if g := v.indexOf(in).clusters[cluster]; g != nil && g.copied {
		return c.copyName(cluster), false
	}
	return cluster, false
}

// policies returns the feature's policies that are in effect on routes of a configuration.
func (v variantRoutes) policies(in *mutator.Input, configuration string) (on []*policy.Object) {
	v.eachWay(in, configuration, func(c *combination, _ []string) {
		if c == nil || c.variants[v.feature] == nil {
			return
		}
		for _, o := range c.variants[v.feature].Policies {
			if !slices.Contains(on, o) {
				on = append(on, o)
			}
		}
	})
	return on
}

// lead changes each route to its target.
func (v variantRoutes) lead(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	x := v.indexOf(in)
	for _, vh := range rc.GetVirtualHosts() {
		listeners := xds.ListenersOf(rc.GetName(), vh)
		for _, r := range vh.GetRoutes() {
			c, rejected := x.ways[in.Routes().Way(listeners, xds.MetadataEntries(r.GetMetadata()))], false
			xds.RenameClusters(r.GetRoute(), func(name string) string {
				target, no := v.target(in, c, name)
				rejected = rejected || no
				return target
			})
			if !rejected {
				continue
			}
			if err := xds.DenyRoute(r); err != nil {
				return err
			}
		}
	}
	return nil
}
