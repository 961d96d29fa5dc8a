// Package mutator is the contract between the engine and the features that change xDS.
//
// A feature names the hooks and custom resources that it needs, and has at most one mutator
// for each kind of resource. A mutator first makes a plan, without decoding the resource.
// Only if there is a plan does the engine decode the resource and pass a private copy to
// the plan's Edit. The engine commits the copy if Edit returns without error and the result
// is valid, and applies the failure policy otherwise.
//
// Mutators must be pure: the result depends only on the input and the target, the same
// input gives the same bytes, and a second run changes nothing. They do no I/O, read no
// clock, keep no state, do not log and start no goroutines. Package mutatortest checks this
// as far as possible.
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

// View is the part of a resource that can be read without decoding all of it. It is valid
// during the call that it is passed to, and so are its strings: clone those that you keep.
type View interface {
	// Name is the resource's name: cluster_name for endpoints.
	Name() string
	// References are the Kubernetes objects that Envoy Gateway made the resource from.
	References() []xds.Reference
}

// Planner decides what to do with resources of one kind. [Route], [Cluster] and the others below
// are short names for it.
type Planner[T proto.Message] interface {
	// Plan returns what the mutator will do with a resource, or nil if the mutator does not apply.
	// It must be cheap: the engine calls it for every resource of every call, unless everything
	// that it can read, or did read, is unchanged since the previous call. If it fails, the
	// strictest failure policy of the feature's custom resources in the call applies.
	Plan(in *Input, resource View) *Plan[T]
}

// Plan is what a mutator will do with one resource.
type Plan[T proto.Message] struct {
	// Edit edits target in place. It must return when ctx ends. Edits made until then, or
	// before an error, are discarded, except with a [PartialError]. It must not use the
	// [View] of the plan.
	Edit func(ctx context.Context, target T) error
	// CacheKey identifies everything that Edit reads of the input for the resource: while
	// the bytes of the resource and the key stay the same, so does the result, and Edit is
	// not called again. Use [policy.Object.Digest] as part of a key. Without a key, Edit is
	// called every time.
	CacheKey *string
	// OnFailure is Deny or Ignore if a custom resource sets a failure policy for the
	// resource. Any other value means the feature's failure policy.
	OnFailure FailurePolicy
	// Affected returns the custom resources that cause the edit, and that are not in effect
	// if the edit fails. target is a copy of the resource before the edit. The engine calls
	// it after a failure in a translation, where each resource concerns only some of the
	// feature's custom resources: their outcome is then ApplyFailed with the reason,
	// instead of Programmed. In every hook, the engine also calls it to record which custom
	// resources an edit is for. If it is nil or fails, or if Plan failed, all custom
	// resources of the feature in the call are affected.
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

// Func makes a mutator from functions. Without When, it applies to every resource.
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
