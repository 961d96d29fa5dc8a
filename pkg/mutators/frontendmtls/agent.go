package frontendmtls

import (
	"context"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/spiffe"
)

// agents adds a cluster for each SPIRE agent's socket that a policy in effect names.
type agents struct{}

// Add returns the agents' clusters, that of the oldest policy first.
func (agents) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	var out mutator.Additions
	x, seen := indexOf(in), map[string]bool{}
	for _, o := range in.Objects.Of(gvk) {
		s := spec(o)
		if s == nil || seen[s.Agent.SocketPath] || x.tally(o).won == nil && len(x.configurations) > 0 {
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
