package attach

import (
	"context"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// upstream inserts upstream HTTP filters into the clusters that requests of the targets lead to.
type upstream[T any] struct{ *filterPolicy[T] }

// PlanVariant implements [mutator.ClusterVariants]: the variant of a way has the filters of all its
// effective policies. Without routes the targets of clusters are unknown, and policies with Deny
// deny all clusters.
func (p upstream[T]) PlanVariant(in *mutator.Input, at *xds.Way) *mutator.Variant {
	c := p.chains(in)
	if at == nil {
		return p.withoutRoutes(c.unknown)
	}
	if !c.upstream {
		return nil
	}
	of := p.slots(mutator.Attached(in, p.Kind, at.Listeners))
	var all []policy.Attachment
	for _, slot := range p.judged(in, p.join(of, p.ofRoute(in, at.MetadataEntries))) {
		if e := Effective(slot, p.OnFailure); e != nil && p.isUpstream(e.Object) {
			all = append(all, policy.Attachment{Object: e.Object})
		}
	}
	if len(all) == 0 {
		return nil
	}
	policy.Sort(all)
	return p.variant(all)
}

// variant returns the variant with the filters of the policies, in order.
func (p upstream[T]) variant(all []policy.Attachment) *mutator.Variant {
	v := &mutator.Variant{OnFailure: mutator.Ignore}
	var names []string
	for _, a := range all {
		names = append(names, a.Namespace+"/"+a.Name)
		v.Policies, v.CacheKey = append(v.Policies, a.Object), v.CacheKey+a.Digest()+"\x00"
		if p.denies(a.Object) {
			v.OnFailure = mutator.Deny
		}
	}
	v.Name = strings.Join(names, ",")
	v.Edit = func(_ context.Context, c *clusterv3.Cluster) error { return p.insert(c, v.Policies) }
	return v
}

// insert adds the filters to a cluster. It leaves a cluster unmodified to which an earlier pass
// added filters, because that pass knew the policies of routes.
func (p upstream[T]) insert(c *clusterv3.Cluster, policies []*policy.Object) error {
	if xds.IsDenied(c) {
		return nil
	}
	there, err := httpfilter.Upstream(c)
	if err != nil {
		return err
	}
	for _, f := range there {
		if strings.HasPrefix(f.GetName(), p.namePrefix()) {
			return nil
		}
	}
	filters, err := p.filters(policies)
	if err != nil {
		return err
	}
	if _, err := httpfilter.InsertUpstream(c, filters...); err != nil {
		return err
	}
	if !xds.IsCopy(c.GetName()) {
		xds.SetEDSInitialFetchTimeout(c, p.EDSInitialFetchTimeout)
	}
	return nil
}

func (p upstream[T]) withoutRoutes(denying []*policy.Object) *mutator.Variant {
	v := &mutator.Variant{
		Name: noRoutesKey, CacheKey: noRoutesKey, OnFailure: mutator.Deny,
		Edit: func(context.Context, *clusterv3.Cluster) error { return errNoRoutes },
	}
	for _, o := range denying {
		if p.isUpstream(o) {
			v.Policies = append(v.Policies, o)
		}
	}
	if len(v.Policies) == 0 {
		return nil
	}
	return v
}
