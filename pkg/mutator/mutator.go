// Package mutator is the contract between the engine and those who change xDS.
//
// A feature is one feature: it names the hooks and custom resources that it needs
// and has at most one mutator for each kind of resource. A mutator first plans, from what
// can be read without decoding a resource, what it will do; only then is the resource
// decoded and a private copy handed to the plan's Edit. The engine commits the copy when Edit
// returned without error and the result is valid, and applies the failure policy otherwise.
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

// Planner decides what to do with resources of one kind. [Route], [Cluster] and so on are its
// short names.
type Planner[T proto.Message] interface {
	// Plan says what the mutator will do with a resource; nil: it is none of its business. It is
	// asked for every resource of every call, except where all that it could see, or did, is as
	// it was at the call before, and has to be cheap. If it fails, the failure policy is the
	// strictest that a custom resource of the feature has in the call.
	Plan(in *Input, resource View) *Plan[T]
}

// Plan is what a mutator will do with one resource.
type Plan[T proto.Message] struct {
	// Edit edits target in place. It must return when ctx ends; what it has edited by then, or
	// before it returned an error, is dropped, except with a [PartialError]. It must not use the
	// [View] of the plan.
	Edit func(ctx context.Context, target T) error
	// CacheKey stands for all that Edit reads of the input for the resource: as long as the
	// resource is the same bytes and the key is the same, so is the result, and Edit is not
	// called again. [policy.Object.Digest] is a good part of a key. Without a key Edit is called
	// every time.
	CacheKey *string
	// OnFailure is Deny or Ignore where a custom resource has a failure policy of its own for
	// the resource; anything else stands for the feature's.
	OnFailure FailurePolicy
	// Affected returns the custom resources that are not in effect on target, a copy of the
	// resource before the edit, because the edit failed: those that the edit is for. It is called
	// after a failure in a translation, where a feature has many and each resource is about some of
	// them: what the [Reporter] calls Programmed is then called ApplyFailed, with the reason. In
	// every hook it is called when effects are recorded, to tell whom the edit is for. If it is nil
	// or fails, or if Plan did, these are all of the feature in the call.
	Affected func(target T) []*policy.Object
}

// Mutators by the kind of resource that they change.
type (
	// Route changes routes, in the Route hook.
	Route = Planner[*routev3.Route]
	// VirtualHost changes virtual hosts, in the VirtualHost hook.
	VirtualHost = Planner[*routev3.VirtualHost]
	// Listener changes listeners, in the HTTPListener and Translation hooks.
	Listener = Planner[*listenerv3.Listener]
	// Cluster changes clusters, in the Cluster (custom backends) and Translation hooks.
	Cluster = Planner[*clusterv3.Cluster]
	// Endpoints changes load assignments, in the Endpoints hook.
	Endpoints = Planner[*endpointv3.ClusterLoadAssignment]
	// Secret changes secrets, in the Translation hook.
	Secret = Planner[*tlsv3.Secret]
	// RouteConfiguration changes route configurations, in the Translation hook.
	RouteConfiguration = Planner[*routev3.RouteConfiguration]
)

// Func makes a mutator of functions. Without When it applies to every resource.
type Func[T proto.Message] struct {
	When func(in *Input, resource View) bool
	Do   func(ctx context.Context, in *Input, target T) error
}

// Plan implements [Planner].
func (f Func[T]) Plan(in *Input, resource View) *Plan[T] {
	if f.When != nil && !f.When(in, resource) {
		return nil
	}
	return &Plan[T]{Edit: func(ctx context.Context, target T) error { return f.Do(ctx, in, target) }}
}
