package backendmtls

import (
	"context"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// agents adds a cluster for each SPIRE agent's socket that a policy in effect names.
type agents struct{}

// Add returns the agents' clusters, that of the oldest policy first.
func (agents) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	var out mutator.Additions
	seen := map[string]bool{}
	for _, o := range oldestFirst(winners(in)) {
		s, err := spec(o)
		if err != nil || seen[s.Agent.SocketPath] {
			continue
		}
		seen[s.Agent.SocketPath] = true
		c, err := spiffe.AgentCluster(s.Agent.SocketPath)
		if err != nil {
			return mutator.Additions{}, err
		}
		out.Clusters = append(out.Clusters, c)
	}
	return out, nil
}

func oldestFirst(objects []*policy.Object) []*policy.Object {
	alike := make([]policy.Candidate, len(objects))
	for i, o := range objects {
		alike[i].Object = o
	}
	policy.Sort(alike)
	sorted := make([]*policy.Object, len(objects))
	for i, c := range alike {
		sorted[i] = c.Object
	}
	return sorted
}

// winners are the policies that win a cluster. Without routes there is no telling, and
// every policy counts, as in candidates.
func winners(in *mutator.Input) []*policy.Object {
	x := indexOf(in)
	if len(x.groups) == 0 {
		return in.Objects.Of(gvk)
	}
	var out []*policy.Object
	seen := map[*policy.Object]bool{}
	for _, g := range x.groups {
		if len(g.found) > 0 && !seen[g.found[0].Object] {
			seen[g.found[0].Object] = true
			out = append(out, g.found[0].Object)
		}
	}
	return out
}
