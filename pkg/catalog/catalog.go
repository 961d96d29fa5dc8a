// Package catalog is the one place that knows which mutators are built in, and in which
// order they run.
package catalog

import (
	"time"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/features/attemptcount"
	"github.com/egraft/egraft/pkg/features/backendmtls"
	"github.com/egraft/egraft/pkg/features/buffer"
	"github.com/egraft/egraft/pkg/features/fastclusters"
	"github.com/egraft/egraft/pkg/features/filterpolicy"
	"github.com/egraft/egraft/pkg/features/frontendmtls"
	"github.com/egraft/egraft/pkg/features/hedge"
	"github.com/egraft/egraft/pkg/features/originaldestination"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Options are settings of the built-in mutators that are the operator's and not a
// policy's.
type Options struct {
	// EDSInitialFetchTimeout is how long Envoy waits for the endpoints of a cluster that
	// was changed before it goes on with those that it has; 0 leaves Envoy's 15 s.
	EDSInitialFetchTimeout time.Duration
	// FastClusterUpdates does the same for all clusters.
	FastClusterUpdates bool
	// MaxBufferBytes is the most that a BufferPolicy may have Envoy hold of a request; 0 is
	// [buffer.DefaultMaxBytes].
	MaxBufferBytes int64
	// IncludeAttemptCount tells backends which attempt a request is.
	IncludeAttemptCount bool
	// AllowSpecialDestinations lets OriginalDestinationBackends name loopback, link-local and
	// other special networks.
	AllowSpecialDestinations bool
}

// Everything switches on all that can be, so that [Builtin] returns every feature that there
// is.
func Everything() Options {
	return Options{EDSInitialFetchTimeout: time.Second, FastClusterUpdates: true, IncludeAttemptCount: true, AllowSpecialDestinations: true}
}

// Builtin returns the built-in mutators in the order of their execution. To add one, add
// a line and say beside it why it is where it is.
func Builtin(o Options) []mutator.Feature {
	features := []mutator.Feature{
		hedge.New(), // routes, and of them what no other mutator touches
		backendmtls.New(o.EDSInitialFetchTimeout),           // rewrites the TLS of clusters; no other mutator touches that
		buffer.New(o.MaxBufferBytes),                        // finds its place among Envoy Gateway's HTTP filters by their names
		filterpolicy.New(),                                  // after those that it is positioned by, and before those that have to be first and last
		frontendmtls.New(),                                  // rewrites the TLS of listeners; its gate has to be in front of all other HTTP filters
		originaldestination.New(o.AllowSpecialDestinations), // last, so that its filters come right before the router
	}
	if o.FastClusterUpdates {
		features = append(features, fastclusters.New(o.EDSInitialFetchTimeout)) // after those that set the same for the clusters that they change
	}
	if o.IncludeAttemptCount {
		features = append(features, attemptcount.New()) // the only one for virtual hosts
	}
	return features
}

// Restrict returns the features with what the operator permits: an object that is not
// permitted is like one that is not valid, whoever wrote the mutator that reads it.
func Restrict(features []mutator.Feature, r tenancy.Restrictions) []mutator.Feature {
	out := make([]mutator.Feature, len(features))
	for i, f := range features {
		f.Policies, f.Filters, f.Backends = restricted(f.Policies, r), restricted(f.Filters, r), restricted(f.Backends, r)
		out[i] = f
	}
	return out
}

func restricted(kinds []policy.Kind, r tenancy.Restrictions) (out []policy.Kind) {
	for _, k := range kinds {
		out = append(out, k.WithPermit(r.Permit))
	}
	return out
}
