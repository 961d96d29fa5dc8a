// Package catalog is the one place that knows which mutators are built in, and in which
// order they run.
package catalog

import (
	"time"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutators/backendmtls"
	"github.com/egraft/egraft/pkg/mutators/originaldestination"
)

// Options are settings of the built-in mutators that are the operator's and not a
// policy's.
type Options struct {
	// EndpointsFetchTimeout is how long Envoy waits for the endpoints of a cluster that
	// was changed before it goes on with those that it has; 0 leaves Envoy's 15 s.
	EndpointsFetchTimeout time.Duration
}

// Builtin returns the built-in mutators in the order of their execution. To add one, add
// a line and say beside it why it is where it is.
func Builtin(o Options) []mutator.Family {
	return []mutator.Family{
		backendmtls.New(o.EndpointsFetchTimeout), // rewrites the TLS of clusters; no other mutator touches that
		originaldestination.New(),                // last, so that its filters come right before the router
	}
}
