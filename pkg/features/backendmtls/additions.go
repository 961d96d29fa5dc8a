package backendmtls

import (
	"context"

	"github.com/egraft/egraft/pkg/mutator"
)

// additions adds the copies of clusters that policies do not agree about.
type additions struct{ clusters clusters }

// Add returns the copies in the order of the configuration.
func (a additions) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{Copies: a.clusters.copies(in)}, nil
}
