// Package catalog is the only place that lists the built-in features and their order.
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
	"github.com/egraft/egraft/pkg/features/httpfilter"
	"github.com/egraft/egraft/pkg/features/originaldestination"
	"github.com/egraft/egraft/pkg/features/xdspatchpolicy"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Options are the operator's settings of the built-in features.
type Options struct {
	// EDSInitialFetchTimeout is how long Envoy waits for the endpoints of a cluster that
	// was changed before it continues with the endpoints that it has; 0 keeps Envoy's 15 s.
	EDSInitialFetchTimeout time.Duration
	// FastClusterUpdates does the same for all clusters.
	FastClusterUpdates bool
	// MaxBufferBytes is the maximum maxRequestBytes of a BufferPolicy; 0 is
	// [buffer.DefaultMaxBytes].
	MaxBufferBytes int64
	// IncludeAttemptCount sends the attempt number of requests to backends.
	IncludeAttemptCount bool
	// AllowSpecialDestinations lets OriginalDestinationBackends name loopback, link-local and
	// other special networks.
	AllowSpecialDestinations bool
}

// Everything enables all options, so that [Builtin] returns every built-in feature.
func Everything() Options {
	return Options{EDSInitialFetchTimeout: time.Second, FastClusterUpdates: true, IncludeAttemptCount: true, AllowSpecialDestinations: true}
}

// Builtin returns the built-in features in the order of their execution. To add one, add a line, with
// the reason for its position.
func Builtin(o Options) []mutator.Feature {
	features := []mutator.Feature{
		hedge.New(), // routes, and of them what no other mutator touches
		backendmtls.New(o.EDSInitialFetchTimeout),           // rewrites the TLS of clusters; no other mutator touches that
		buffer.New(o.MaxBufferBytes),                        // finds its place among Envoy Gateway's HTTP filters by their names
		filterpolicy.New(o.EDSInitialFetchTimeout),          // after those that it is positioned by, and before those that have to be first and last
		httpfilter.New(o.EDSInitialFetchTimeout),            // for the same reasons
		frontendmtls.New(),                                  // rewrites the TLS of listeners; its gate has to be in front of all other HTTP filters
		originaldestination.New(o.AllowSpecialDestinations), // after those with filters, so that its own come right before the router
	}
	if o.FastClusterUpdates {
		features = append(features, fastclusters.New(o.EDSInitialFetchTimeout)) // after those that set the same for the clusters that they change
	}
	if o.IncludeAttemptCount {
		features = append(features, attemptcount.New()) // the only one for virtual hosts
	}
	return append(features, xdspatchpolicy.New()) // last: it patches what the others made, except for what protects
}

// Restrict returns the features restricted to what the operator permits. For every feature, built in or
// not, an object that is not permitted is invalid.
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
		out = append(out, k.WithPermit(r.Permit).WithGatewayClasses(r.PermitGatewayClass))
	}
	return out
}
