package backendmtls

import (
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// candidates returns the policies that reach a cluster in a translation, the one that
// wins first. Those of routes were left on the routes by the Route hook, those of Gateways
// and listeners came with the call.
func candidates(in *mutator.Input, cluster string, refs []xds.Reference) []policy.Candidate {
	objects := in.Objects.Of(gvk)
	reach := in.Reach().Of(cluster)
	if reach == nil {
		if !ofRoute(refs) {
			return nil
		}
		// A route's cluster to which no route leads: Envoy Gateway did not include the
		// routes. Every policy of the Gateway counts, so that none is missing.
		return anywhere(objects)
	}
	places := make([]policy.Place, len(reach.Listeners))
	for i, l := range reach.Listeners {
		places[i] = place(l)
	}
	found := policy.Attached(objects, places)
	for _, m := range reach.Marks {
		found = append(found, unmark(in, m)...)
	}
	policy.Sort(found)
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
		best := policy.NotAttached
		for _, t := range o.Targets {
			best = max(best, o.AttachedTo(policy.Place{
				Kind: t.Kind, Namespace: o.Namespace, Name: t.Name, SectionName: t.SectionName,
			}))
		}
		if best != policy.NotAttached {
			found = append(found, policy.Candidate{Object: o, Specificity: best})
		}
	}
	policy.Sort(found)
	return found
}

func place(r xds.Reference) policy.Place {
	return policy.Place{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name, SectionName: r.SectionName}
}
