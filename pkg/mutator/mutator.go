// Package mutator is the contract between the engine and those who change xDS.
//
// A mutator family is one feature: it names the hooks and custom resources that it needs
// and has at most one mutator for each kind of resource. A mutator first says, from what
// can be read without decoding a resource, whether it applies; only then is the resource
// decoded and a private copy handed to Mutate. The engine commits the copy when Mutate
// returned without error and the result is valid, and applies the family's failure
// policy otherwise.
//
// Mutators are pure: the result depends on the input and the target alone, the same
// input gives the same bytes, and running twice changes nothing more. They do no I/O,
// read no clock, keep no state, and neither log nor start goroutines. Package
// mutatortest checks what can be checked of this.
package mutator

import (
	"context"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// View is what can be read of a resource without decoding it as a whole. It is valid for
// the length of the call that it is passed to, and so are its strings: clone what is kept.
type View interface {
	// Name is the resource's name: cluster_name for endpoints.
	Name() string
	// References are the Kubernetes objects that Envoy Gateway made the resource from.
	References() []xds.Reference
}

// Typed changes resources of one kind. [Route], [Cluster] and so on are its short names.
type Typed[T proto.Message] interface {
	// Applies reports whether the mutator wants to change the resource. It is asked for
	// every resource of every call, except where all that it could see, or did, is as it was
	// at the call before, and has to be cheap.
	Applies(in *Input, resource View) bool
	// Mutate edits target in place. It must return when ctx ends; what it has edited by
	// then, or before it returned an error, is dropped.
	Mutate(ctx context.Context, in *Input, target T) error
}

// Keyed is a [Typed] that says what its results depend on besides the resource. The
// engine then answers from memory for a resource that it has seen before, without decoding
// it. A mutator that is not Keyed runs for every resource of every call.
type Keyed interface {
	// Key stands for all that Mutate reads of the input for the resource: as long as the
	// resource is the same bytes and Key is the same, so is the result. It is asked after
	// Applies said yes, and as often; [policy.Object.Digest] is a good part of one.
	Key(in *Input, resource View) string
}

// Failing is a [Typed] whose failure policy is not the same for every resource, because the
// custom resource that it is there for may say what it wants.
type Failing interface {
	// FailurePolicy is Deny or Ignore where something says so for the resource; anything else
	// stands for the family's. It is asked when the mutator failed on the resource, and what
	// failed may be Applies.
	FailurePolicy(in *Input, resource View) FailurePolicy
}

// Bearing is a [Typed] that knows on which custom resources a failure bears, in a translation,
// where a family has many and each resource is about some of them. What the [Reporter] calls
// Programmed is then called Failed, with the reason. A failure of a mutator that is not Bearing,
// or that fails to say it, bears on all. In a hook for a single resource that is so in any case,
// and nobody is asked.
type Bearing[T proto.Message] interface {
	// Bears returns the custom resources that are not in effect on target, a copy of the
	// resource before the mutator, because the mutator failed on it.
	Bears(in *Input, target T) []*policy.Object
}

// Mutators by the kind of resource that they change.
type (
	// Route changes routes, in the Route hook.
	Route = Typed[*routev3.Route]
	// VirtualHost changes virtual hosts, in the VirtualHost hook.
	VirtualHost = Typed[*routev3.VirtualHost]
	// Listener changes listeners, in the HTTPListener and Translation hooks.
	Listener = Typed[*listenerv3.Listener]
	// Cluster changes clusters, in the Cluster (custom backends) and Translation hooks.
	Cluster = Typed[*clusterv3.Cluster]
	// Endpoints changes load assignments, in the Endpoints hook.
	Endpoints = Typed[*endpointv3.ClusterLoadAssignment]
	// Secret changes secrets, in the Translation hook.
	Secret = Typed[*tlsv3.Secret]
	// RouteConfiguration changes route configurations, in the Translation hook.
	RouteConfiguration = Typed[*routev3.RouteConfiguration]
)

// Func makes a mutator of functions. Without When it applies to every resource.
type Func[T proto.Message] struct {
	When func(in *Input, resource View) bool
	Do   func(ctx context.Context, in *Input, target T) error
}

// Applies implements [Typed].
func (f Func[T]) Applies(in *Input, resource View) bool {
	return f.When == nil || f.When(in, resource)
}

// Mutate implements [Typed].
func (f Func[T]) Mutate(ctx context.Context, in *Input, target T) error {
	return f.Do(ctx, in, target)
}
