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
	// EDSInitialFetchTimeout is how long Envoy waits for the endpoints of a changed cluster before
	// it continues with the endpoints that it has; 0 keeps Envoy's 15 s.
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

// Builtin returns the built-in features in their order of execution. To add one, add a line, with
// the reason for its position.
func Builtin(o Options) []mutator.Feature {
	features := []mutator.Feature{
		hedge.New(), // changes fields of routes that no other mutator changes
		backendmtls.New(o.EDSInitialFetchTimeout),           // replaces the TLS of clusters, which no other mutator changes
		buffer.New(o.MaxBufferBytes),                        // is positioned by the names of Envoy Gateway's HTTP filters
		filterpolicy.New(o.EDSInitialFetchTimeout),          // after features whose filters it is positioned by, and before features with the first and last filters
		httpfilter.New(o.EDSInitialFetchTimeout),            // for the same reasons
		frontendmtls.New(),                                  // replaces the TLS of listeners; its gate must be before all other HTTP filters
		originaldestination.New(o.AllowSpecialDestinations), // after features with filters, so that its own filters are right before the router
	}
	if o.FastClusterUpdates {
		features = append(features, fastclusters.New(o.EDSInitialFetchTimeout)) // after features that set the same timeout on the clusters that they change
	}
	if o.IncludeAttemptCount {
		features = append(features, attemptcount.New()) // the only feature for virtual hosts
	}
	return append(features, xdspatchpolicy.New()) // last: it patches the results of the others, but not their protection
}

// Restrict returns the features restricted to what the operator permits. This includes features
// that are not built in. An object that is not permitted is invalid.
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
