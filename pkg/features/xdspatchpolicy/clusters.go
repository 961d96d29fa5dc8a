package xdspatchpolicy

import (
	"context"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// clusters patches the clusters that the targets' requests lead to. If routes with different
// policies lead to one cluster, each gets a copy.
type clusters struct{}

var ofClusters = []v1alpha1.XDSKind{v1alpha1.XDSCluster, v1alpha1.XDSUpstreamTLS}

// PlanVariant implements [mutator.ClusterVariants]. It returns the variant of a cluster that all
// policies of a way produce.
func (clusters) PlanVariant(in *mutator.Input, at *xds.Way) *mutator.Variant {
	if at == nil {
		return anywhere(in)
	}
	place := ofRoute(in, at.Listeners, at.MetadataEntries)
	on, rejected := place.selecting(ofClusters...), place.failures(ofClusters...)
	if len(on)+len(rejected) == 0 {
		return nil
	}
	v := &mutator.Variant{
		Edit: func(ctx context.Context, c *clusterv3.Cluster) error {
			return editCluster(withBudgets(ctx), c, on, rejected, at)
		},
		OnFailure: mutator.Ignore,
	}
	var names []string
	for _, c := range on {
		names = append(names, c.Namespace+"/"+c.Name)
		v.CacheKey += c.Digest()
		v.Policies = append(v.Policies, c.Object)
		if denies(c.Object) {
			v.OnFailure = mutator.Deny
		}
	}
	for _, f := range rejected {
		v.CacheKey += f.Err.Error()
		v.Policies = append(v.Policies, f.Policies...)
	}
	v.Name = strings.Join(names, ",")
	v.Reject = v.OnFailure == mutator.Deny && !in.Has(mutator.KindCluster)
	for _, l := range at.Listeners {
		v.CacheKey += l.String() + "\x00"
	}
	return v
}

// anywhere denies all clusters of a translation without routes, if a policy with failure policy
// Deny cannot be applied.
func anywhere(in *mutator.Input) *mutator.Variant {
	for _, o := range in.Objects.Of(gvk) {
		if denies(o) && selects(o, ofClusters) {
			return &mutator.Variant{
				Name: o.Namespace + "/" + o.Name, CacheKey: "routes not included", OnFailure: mutator.Deny, Policies: []*policy.Object{o},
				Edit: func(context.Context, *clusterv3.Cluster) error { return errNoRoutes },
			}
		}
	}
	return nil
}

func editCluster(ctx context.Context, c *clusterv3.Cluster, on []policy.Attachment, rejected failed, at *xds.Way) error {
	if xds.IsDenied(c) {
		return nil
	}
	all := counted(ctx, rejected)
	m := message{kind: v1alpha1.XDSCluster, Message: c, target: targetOf(at.Listeners, c.GetMetadata()), owned: ownedOfCluster(c)}
	all = append(all, edit(ctx, m, on)...)
	fails, err := editUpstreamTLS(ctx, c, m, on)
	if err != nil {
		return err
	}
	all = append(all, fails...)
	if all.denies() {
		return denied(c, all)
	}
	return partial(merged(all))
}

// denied denies the cluster, because a policy with failure policy Deny could not be applied to it.
func denied(c *clusterv3.Cluster, all failed) error {
	if err := xds.DenyCluster(c); err != nil {
		return err
	}
	return partial(merged(all))
}

func editUpstreamTLS(ctx context.Context, c *clusterv3.Cluster, of message, on []policy.Attachment) (fails failed, err error) {
	var selecting []policy.Attachment
	for _, p := range on {
		if selects(p.Object, []v1alpha1.XDSKind{v1alpha1.XDSUpstreamTLS}) {
			selecting = append(selecting, p)
		}
	}
	if len(selecting) == 0 {
		return nil, nil
	}
	err = xds.EditClusterTLS(c, func(tls *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
		if tls == nil {
			return nil, nil //nolint:nilnil // the socket stays as it is
		}
		fails = append(fails, edit(ctx, message{kind: v1alpha1.XDSUpstreamTLS, Message: tls, target: of.target, owned: of.owned}, selecting)...)
		return tls, nil
	})
	return fails, err
}
