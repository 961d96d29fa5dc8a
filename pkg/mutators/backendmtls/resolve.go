package backendmtls

import (
	"slices"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// candidates returns the policies that reach a cluster in a translation, and nil if none
// does. The references are asked for only where no route leads to the cluster.
func (x *index) candidates(cluster string, references func() []xds.Reference) *reached {
	found := x.clusters[cluster]
	if found == nil && len(x.anywhere.found) > 0 && ofRoute(references()) {
		// A route's cluster to which no route leads: Envoy Gateway did not include the
		// routes. Every policy of the Gateway counts, so that none is missing.
		found = x.anywhere
	}
	if found == nil || len(found.found) == 0 {
		return nil
	}
	return found
}

func ofRoute(refs []xds.Reference) bool {
	return slices.ContainsFunc(refs, func(r xds.Reference) bool {
		return r.Kind == xds.KindHTTPRoute || r.Kind == xds.KindGRPCRoute
	})
}

// anywhere takes every policy by the closest of its targets.
func anywhere(objects []*policy.Object) []policy.Candidate {
	var found []policy.Candidate
	for _, o := range objects {
		if s := o.Closest(); s != policy.NotAttached {
			found = append(found, policy.Candidate{Object: o, Specificity: s})
		}
	}
	policy.Sort(found)
	return found
}
