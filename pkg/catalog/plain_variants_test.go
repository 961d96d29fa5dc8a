package catalog_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// withVariants gives features with cluster variants mutators that plan each resource separately.
func (p plain) withVariants() plain {
	var out plain
	for i, f := range p {
		if f.ClusterVariants != nil {
			leads := mutator.Feature{Name: f.Name, Hooks: f.Hooks, FailurePolicy: f.FailurePolicy, RouteConfigurations: plainRoutes{p, i}}
			f.Clusters = plainClusters{p, i}
			out = append(out, leads)
		}
		out = append(out, f)
	}
	return out
}

// variantOf returns a feature's variant of the clusters of a way, or nil.
func (p plain) variantOf(in *mutator.Input, family int, w *xds.Way) *mutator.Variant {
	if p[family].ClusterVariants == nil {
		return nil
	}
	return mutator.ComputeOnce(in, variantKey{family, w}, func(in *mutator.Input) *mutator.Variant { return p[family].ClusterVariants.PlanVariant(in, w) })
}

// variantKey is the cache key of a variant in one translation. Without the cache, the test takes
// minutes.
type variantKey struct {
	family int
	way    *xds.Way
}

// combined returns the features and the names of the variants of a way.
func (p plain) combined(in *mutator.Input, w *xds.Way) (features, names []string) {
	for i, f := range p {
		if v := p.variantOf(in, i, w); v != nil && v.Name != "" {
			features, names = append(features, f.Name), append(names, v.Name)
		}
	}
	return features, names
}

var mergedClusters = regexp.MustCompile(`^(service|serviceimport|backend)/`)

// copied reports whether the ways to a cluster have different variants.
func (p plain) copied(in *mutator.Input, cluster string) bool {
	return mutator.ComputeOnce(in, copiedKey(cluster), func(in *mutator.Input) bool { return p.newCopied(in, cluster) })
}

type copiedKey string

func (p plain) newCopied(in *mutator.Input, cluster string) bool {
	ways := in.Routes().ForCluster(cluster).Ways()
	first, _ := p.combined(in, ways[0])
	_, of := p.combined(in, ways[0])
	some, same := len(first) > 0, true
	for _, w := range ways[1:] {
		features, names := p.combined(in, w)
		some, same = some || len(features) > 0, same && slices.Equal(features, first) && slices.Equal(names, of)
	}
	return some && (!same || mergedClusters.MatchString(cluster))
}

// copyName returns the name of the copy for a way, or the cluster's own name if the way has no
// variant.
func (p plain) copyName(in *mutator.Input, cluster string, w *xds.Way) string {
	features, names := p.combined(in, w)
	if len(features) == 0 {
		return cluster
	}
	return xds.CopyName(strings.Join(features, "+"), strings.Join(names, "\x00"), cluster)
}

type plainClusters struct {
	plain
	family int
}

// Plan implements [mutator.Planner].
func (p plainClusters) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	of := in.Routes().ForCluster(c.Name())
	switch {
	case xds.IsCopy(c.Name()):
		return nil
	case len(in.Routes().Configurations()) == 0:
		if !xds.IsBackend(c.References()) {
			return nil
		}
		return planOf(p.variantOf(in, p.family, nil))
	case of == nil || p.copied(in, c.Name()):
		return nil
	}
	return planOf(p.variantOf(in, p.family, of.Ways()[0]))
}

func planOf(v *mutator.Variant) *mutator.Plan[*clusterv3.Cluster] {
	if v == nil || v.Name == "" {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{Edit: v.Edit, OnFailure: v.OnFailure}
}

type plainRoutes struct {
	plain
	family int
}

// Plan implements [mutator.Planner].
func (p plainRoutes) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	changes := false // of any configuration with the name
	for _, h := range in.Routes().Hosts(c.Name()) {
		h.EachRoute(func(marks []xds.MetadataEntry, clusters []string) {
			w := in.Routes().Way(h.Listeners(), marks)
			for _, name := range clusters {
				changes = changes || p.target(in, name, w) != name
			}
		})
	}
	if !changes {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{Edit: func(_ context.Context, rc *routev3.RouteConfiguration) error {
		for _, vh := range rc.GetVirtualHosts() {
			for _, r := range vh.GetRoutes() {
				w, denied := in.Routes().Way(xds.ListenersOf(rc.GetName(), vh), xds.MetadataEntries(r.GetMetadata())), false
				xds.RenameClusters(r.GetRoute(), func(name string) string {
					target := p.target(in, name, w)
					denied = denied || target == ""
					return target
				})
				if !denied {
					continue
				}
				if err := xds.DenyRoute(r); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// target returns the cluster to which the feature leads requests of a way, or "" if it rejects
// them.
func (p plainRoutes) target(in *mutator.Input, cluster string, w *xds.Way) string {
	if v := p.variantOf(in, p.family, w); v != nil && v.Reject {
		return ""
	}
	if features, _ := p.combined(in, w); len(features) == 0 || features[0] != p.plain[p.family].Name || xds.IsCopy(cluster) || !p.copied(in, cluster) {
		return cluster
	}
	return p.copyName(in, cluster, w)
}

// addCopies adds copies of clusters for the ways that need them.
func (p plain) addCopies(t *testing.T, ctx context.Context, in *mutator.Input, res *engine.Response) {
	t.Helper()
	clusters, seen := &res.Resources[0], map[string]bool{}
	there := slices.Clone(clusters.Encoded)
	for _, name := range in.Routes().Clusters() {
		if xds.IsCopy(name) || !p.copied(in, name) {
			continue
		}
		for _, w := range in.Routes().ForCluster(name).Ways() {
			copyName := p.copyName(in, name, w)
			i := slices.IndexFunc(there, func(raw []byte) bool { return clusterOf(t, raw).GetName() == name })
			if copyName == name || seen[copyName] || i < 0 {
				continue
			}
			seen[copyName] = true
			m := clusterOf(t, there[i])
			xds.RenameCluster(m, copyName)
			rejecting := proto.CloneOf(m)
			require.NoError(t, xds.DenyCluster(rejecting))
			if m.GetAltStatName() != "" {
				m.AltStatName = strings.ReplaceAll(p.copyName(in, m.GetAltStatName(), w), ".", "_")
			}
			xds.SetEDSInitialFetchTimeout(m, xds.NewClusterFetchTimeout)
			m, outcomes := p.copyOf(t, ctx, in, w, m, rejecting)
			clusters.Encoded = append(clusters.Encoded, deterministic(t, m))
			res.Outcomes = append(res.Outcomes, outcomes...)
		}
	}
}

// copyOf edits a copy with the variant of each feature.
func (p plain) copyOf(t *testing.T, ctx context.Context, in *mutator.Input, w *xds.Way, m, rejecting *clusterv3.Cluster) (*clusterv3.Cluster, []*engine.Outcome) {
	t.Helper()
	var out []*engine.Outcome
	for i, f := range p {
		v := p.variantOf(in, i, w)
		if v == nil || v.Name == "" {
			continue
		}
		if len(out) == 0 {
			out = append(out, &engine.Outcome{Feature: f.Name, Kind: mutator.KindCluster, Name: m.GetName(), Result: engine.Added})
		}
		edited := proto.CloneOf(m)
		err, partial := v.Edit(ctx, edited), (*mutator.PartialError)(nil)
		switch {
		case err == nil:
			m = edited
		case errors.As(err, &partial):
			m = edited
			out = append(out, partialOutcomes(f.Name, mutator.KindCluster, m.GetName(), partial.Failures)...)
		case v.OnFailure == mutator.Ignore:
			out = append(out, &engine.Outcome{Feature: f.Name, Kind: mutator.KindCluster, Name: m.GetName(), Result: engine.Ignored, Err: err})
		default:
			return rejecting, append(out[1:], &engine.Outcome{Feature: f.Name, Kind: mutator.KindCluster, Name: m.GetName(), Result: engine.Denied, Err: err})
		}
	}
	return m, out
}
