package backendmtls

import (
	"context"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// additions adds a cluster for each SPIRE agent's socket that a policy in effect names, and the
// copies of clusters that policies do not agree about.
type additions struct{ clusters clusters }

// Add returns the agents' clusters, those of the oldest policies first.
func (a additions) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	out := mutator.Additions{Copies: a.clusters.copies(in)}
	seen := map[string]bool{}
	for _, o := range indexOf(in).winners() {
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

// winners are the policies that win a way to a cluster, the older ones first.
func (x *index) winners() (out []*policy.Object) {
	var all []policy.Candidate
	seen := map[*policy.Object]bool{}
	for _, g := range x.groups {
		for _, w := range g.ways {
			if o := w.winner(); o != nil && !seen[o] {
				seen[o] = true
				all = append(all, policy.Candidate{Object: o})
			}
		}
	}
	policy.Sort(all)
	for _, c := range all {
		out = append(out, c.Object)
	}
	return out
}
