package backendmtls

import (
	"slices"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// inPlace returns the policies of all requests to a cluster of a translation, and nil if there
// are none or if its ways have different ones. The references are asked for only in a
// translation without routes.
func (x *index) inPlace(cluster string, references func() []xds.Reference) *way {
	if x.anywhere != nil {
		if x.anywhere.winner() != nil && isBackend(references()) {
			return x.anywhere
		}
		return nil
	}
	found := x.clusters[cluster]
	if found == nil || found.copied || found.ways[0].winner() == nil {
		return nil
	}
	return found.ways[0]
}

// ofBackends are the kinds of objects that Envoy Gateway makes the clusters of routes from: the
// routes, or the backends if it merges those. Others are of TCPRoutes and the like, or of
// services that its own policies name.
var ofBackends = []string{xds.KindHTTPRoute, xds.KindGRPCRoute, "Service", "ServiceImport", "Backend"}

// isBackend tells whether a cluster could be one that HTTPRoutes or GRPCRoutes lead to.
func isBackend(refs []xds.Reference) bool {
	return slices.ContainsFunc(refs, func(r xds.Reference) bool { return slices.Contains(ofBackends, r.Kind) })
}

// anywhere takes every policy by the closest of its targets.
func anywhere(objects []*policy.Object) []policy.Attachment {
	var found []policy.Attachment
	for _, o := range objects {
		if s := o.MaxSpecificity(); s != policy.NotAttached {
			found = append(found, policy.Attachment{Object: o, Specificity: s})
		}
	}
	policy.Sort(found)
	return found
}
