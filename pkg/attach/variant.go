package attach

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// errNoRoutes is why all clusters of a translation are denied: their targets are unknown.
var errNoRoutes = errors.New(mutator.NotIncluded(mutator.KindRouteConfiguration))

// PlanVariant implements [mutator.ClusterVariants]: the variant of a way is its effective policy's
// edit of a cluster. It denies routes with unreadable policies, and routes with clusters that the
// translation does not contain, because Envoy would serve them without the policy.
func (p *clusterPolicy[T]) PlanVariant(in *mutator.Input, at *xds.Way) *mutator.Variant {
	x := p.indexOf(in)
	if at == nil {
		if x.anywhere == nil {
			return nil
		}
		v := p.variant(x.anywhere.effective)
		v.Edit, v.CacheKey = func(context.Context, *clusterv3.Cluster) error { return errNoRoutes }, noRoutesKey
		return v
	}
	w := x.ways[at]
	if w.effective == nil {
		return &mutator.Variant{Reject: w.lost && p.OnFailure == mutator.Deny}
	}
	v := p.variant(w.effective)
	v.Reject = w.lost && p.OnFailure == mutator.Deny || v.OnFailure == mutator.Deny && !in.Has(mutator.KindCluster)
	return v
}

// variant returns an effective policy's edit of a cluster.
func (p *clusterPolicy[T]) variant(by *policy.Attachment) *mutator.Variant {
	v := &mutator.Variant{
		Name:      by.Namespace + "/" + by.Name,
		Edit:      func(_ context.Context, c *clusterv3.Cluster) error { return p.edit(c, by) },
		CacheKey:  mutator.AttachedKey([]policy.Attachment{*by}),
		OnFailure: OnFailure(by.Object, p.OnFailure),
		Policies:  []*policy.Object{by.Object},
	}
	if by.Err != nil {
		v.CacheKey += by.Err.Error()
	}
	return v
}

// edit applies a policy to a cluster, unless an earlier pass applied a more specific one.
func (p *clusterPolicy[T]) edit(c *clusterv3.Cluster, by *policy.Attachment) error {
	if done, err := p.hasMoreSpecific(c, by.Specificity); err != nil || done || xds.IsDenied(c) {
		return err
	}
	if by.Err != nil {
		return fmt.Errorf("%s: %w", by.Object, by.Err)
	}
	t := policy.As[T](by.Object)
	if t == nil {
		return fmt.Errorf("%s: not a policy of this kind", by.Object)
	}
	change, err := p.Edit(t, c)
	if err != nil || change == Unmodified {
		return err
	}
	setProvenance(c, p.Kind, by)
	switch {
	case xds.IsCopy(c.GetName()):
	case change == Replaced:
		p.rename(c, by)
	default:
		xds.SetEDSInitialFetchTimeout(c, p.EDSInitialFetchTimeout)
	}
	return nil
}

// rename gives the cluster the name of a copy. Its endpoints and statistics keep the previous name.
func (p *clusterPolicy[T]) rename(c *clusterv3.Cluster, by *policy.Attachment) {
	if c.GetAltStatName() == "" {
		c.AltStatName = c.GetName()
	}
	xds.RenameCluster(c, xds.CopyName(p.Name, by.Namespace+"/"+by.Name, c.GetName()))
	xds.SetEDSInitialFetchTimeout(c, xds.NewClusterFetchTimeout)
}

// setProvenance records in the cluster's metadata which policy changed it, for readers of Envoy's
// configuration, and for a second pass: that pass does not receive the policies of routes, and must
// not replace one by the policy of a Gateway.
func setProvenance(c *clusterv3.Cluster, gvk schema.GroupVersionKind, by *policy.Attachment) {
	value := by.Namespace + "/" + by.Name + " " + strconv.Itoa(int(by.Specificity))
	c.Metadata = xds.SetMetadataEntry(c.GetMetadata(), xds.MetadataEntry{Key: mutator.MetadataKey(gvk), Value: value})
}

// hasMoreSpecific reports whether an earlier pass applied a policy that is more specific than s.
func (p *clusterPolicy[T]) hasMoreSpecific(c *clusterv3.Cluster, s policy.Specificity) (bool, error) {
	for _, m := range xds.MetadataEntries(c.GetMetadata()) {
		if _, level, ok := strings.Cut(m.Value, " "); ok && mutator.IsEntryOf(p.Kind, m) {
			if n, err := strconv.Atoi(level); err == nil && policy.Specificity(n) > s {
				if p.Verify == nil {
					return true, nil
				}
				return p.Verify(c)
			}
		}
	}
	return false, nil
}
