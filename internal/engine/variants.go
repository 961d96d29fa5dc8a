package engine

import (
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// variants are the features that have a variant of a cluster for each way to it, see
// [mutator.ClusterVariants], in the order of execution.
type variants struct {
	names    []string
	planners []mutator.ClusterVariants
	onError  []mutator.FailurePolicy
	ownKeys  [][]string                         // in egraft's metadata, see [ownKeys]
	at       map[string]int                     // by name
	compute  func(*mutator.Input) *variantIndex // newIndex as a value made once, since it is needed for each resource
}

// withVariants adds the mutators of clusters that apply the variants to the features with cluster
// variants. [variants.leading] adds those of route configurations.
func withVariants(features []mutator.Feature) ([]mutator.Feature, *variants) {
	v, out, keys := &variants{at: map[string]int{}}, make([]mutator.Feature, len(features)), ownKeys(features)
	v.compute = v.newIndex
	for i, f := range features {
		if f.ClusterVariants != nil {
			at := len(v.names)
			f.Clusters, v.at[f.Name] = variantClusters{v, at}, at
			v.names, v.planners, v.onError = append(v.names, f.Name), append(v.planners, f.ClusterVariants), append(v.onError, f.FailurePolicy)
			v.ownKeys = append(v.ownKeys, keys[f.Name])
		}
		out[i] = f
	}
	return out, v
}

// variantIndex is the variants of all clusters of a translation. It is computed once, so that the
// work grows with the number of clusters plus that of policies, not with their product.
type variantIndex struct {
	ways     map[*xds.Way]*combination
	clusters map[string]*variantGroup
	groups   []*variantGroup
	anywhere *combination // of all ways, if the translation has no routes
	features []variantUse
}

// variantUse summarizes the use of a feature. Most Gateways of a fleet have no policy, so their
// resources need no lookups.
type variantUse struct {
	failure error // of PlanVariant
	edits   bool
	leads   bool // changes routes to copies, or denies them
}

// combination is the variants of a way, one for each feature.
type combination struct {
	variants []*mutator.Variant // nil where a feature has none
	plans    []*mutator.Plan[*clusterv3.Cluster]
	owner    int    // the first feature with a variant, which changes routes to copies; -1 without
	prefix   string // of the names of copies: the features
	identity string // the variants
}

// variantGroup is a group of clusters that have the same ways.
type variantGroup struct {
	*xds.Group
	combinations []*combination // of its ways
	copied       bool           // otherwise edited in place
}

type variantsKey struct{ *variants }

func (v *variants) indexOf(in *mutator.Input) *variantIndex {
	return mutator.ComputeOnce(in, variantsKey{v}, v.compute)
}

func (v *variants) newIndex(in *mutator.Input) *variantIndex {
	x := &variantIndex{ways: map[*xds.Way]*combination{}, clusters: map[string]*variantGroup{}, features: make([]variantUse, len(v.names))}
	var ways []*xds.Way
	if len(in.Routes().Configurations()) == 0 {
		ways, x.anywhere = append(ways, nil), v.newCombination()
		x.ways[nil] = x.anywhere
	}
	for _, g := range in.Routes().Groups() {
		group := &variantGroup{Group: g}
		for _, w := range g.Ways {
			if x.ways[w] == nil {
				ways, x.ways[w] = append(ways, w), v.newCombination()
			}
			group.combinations = append(group.combinations, x.ways[w])
		}
		x.groups = append(x.groups, group)
		for _, name := range g.Clusters {
			x.clusters[name] = group
		}
	}
	for i := range v.planners {
		x.features[i].failure = v.ask(in, i, ways, x)
	}
	for _, c := range x.ways {
		c.combine(v.names)
	}
	for _, g := range x.groups {
		x.decide(g)
	}
	return x
}

func (v *variants) newCombination() *combination {
	return &combination{variants: make([]*mutator.Variant, len(v.names)), plans: make([]*mutator.Plan[*clusterv3.Cluster], len(v.names)), owner: -1}
}

// ask gets the variants of all ways from a feature. If it panics, it fails on every cluster, and
// other features see no variants of it.
func (v *variants) ask(in *mutator.Input, feature int, ways []*xds.Way, x *variantIndex) error {
	use := &x.features[feature]
	err := sandbox.Recover(func() error {
		for _, w := range ways {
			variant := v.planners[feature].PlanVariant(in, w)
			if variant == nil {
				continue
			}
			x.ways[w].variants[feature] = variant
			use.edits, use.leads = use.edits || variant.Name != "", use.leads || variant.Reject
		}
		return nil
	})
	if err != nil {
		for _, w := range ways {
			x.ways[w].variants[feature] = nil
		}
		use.edits, use.leads = false, false
	}
	return err
}

// combine computes the fields that depend on all variants.
func (c *combination) combine(names []string) {
	var owners, identities []string
	for i, variant := range c.variants {
		if variant == nil || variant.Name == "" {
			continue
		}
		if c.owner < 0 {
			c.owner = i
		}
		c.plans[i] = planOf(variant)
		owners, identities = append(owners, names[i]), append(identities, variant.Name)
	}
	c.prefix, c.identity = strings.Join(owners, "+"), strings.Join(identities, "\x00")
}

func planOf(v *mutator.Variant) *mutator.Plan[*clusterv3.Cluster] {
	p := &mutator.Plan[*clusterv3.Cluster]{Edit: v.Edit, CacheKey: &v.CacheKey, OnFailure: v.OnFailure}
	if len(v.Policies) > 0 {
		p.Affected = func(*clusterv3.Cluster) []*policy.Object { return v.Policies }
	}
	return p
}

// decide decides how the clusters of a group get their variants: in place if all ways have the same
// ones, otherwise as a copy for each combination. A cluster that Envoy Gateway merged always gets a
// copy: otherwise, when another route is added, requests would fail while Envoy warms a new
// cluster.
func (x *variantIndex) decide(g *variantGroup) {
	first, same, some := g.combinations[0], true, false
	for _, c := range g.combinations {
		same = same && c.prefix == first.prefix && c.identity == first.identity
		some = some || c.owner >= 0
	}
	g.copied = some && (g.Merged || !same)
	if !g.copied {
		return
	}
	for _, c := range g.combinations {
		if c.owner >= 0 {
			x.features[c.owner].leads = true
		}
	}
}

// hasCopies reports whether any cluster is copied.
func (x *variantIndex) hasCopies() bool {
	return slices.ContainsFunc(x.groups, func(g *variantGroup) bool { return g.copied })
}

// copyName returns the name of a cluster's copy for a combination.
func (c *combination) copyName(cluster string) string {
	return xds.CopyName(c.prefix, c.identity, cluster)
}

// rejects reports whether a feature rejects the requests of the way.
func (c *combination) rejects(feature int) bool {
	v := c.variants[feature]
	return v != nil && v.Reject
}

// variantClusters edits, for a feature, the clusters whose variant is the same for all requests.
type variantClusters struct {
	*variants
	feature int
}

// Plan implements [mutator.Planner]. The Cluster hook for custom backends has no policies; their
// clusters are also in the translation.
func (v variantClusters) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	x := v.indexOf(in)
	switch use := x.features[v.feature]; {
	case use.failure != nil:
		panic(use.failure)
	case !use.edits:
		return nil
	case x.anywhere != nil:
		if plan := x.anywhere.plans[v.feature]; plan != nil && xds.IsBackend(c.References()) {
			return plan
		}
		return nil
	}
	if g := x.clusters[c.Name()]; g != nil && !g.copied {
		return g.combinations[0].plans[v.feature]
	}
	return nil
}
