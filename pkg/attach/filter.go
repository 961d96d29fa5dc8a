package attach

import (
	"time"

	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// Filter is a feature whose custom resources T are filters, each with its own HTTP filter in Envoy:
// rules of HTTPRoutes and GRPCRoutes refer to them by ExtensionRefs. All filters of a rule are in
// effect.
//
// It works like [FilterPolicy] for policies on rules. HTTP filters with the same position are in the
// order of the custom resources, oldest first.
type Filter[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Resource is the plural name of the kind in the API server, for the conditions of filters.
	Resource string
	// OnFailure is the failure policy of filters that do not set spec.failurePolicy.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList
	// Position, Config, PerRoute, Upstream and EDSInitialFetchTimeout are as in [FilterPolicy].
	Position               func(*T) httpfilter.Position
	Config                 func(*T) (proto.Message, error)
	PerRoute               func(*T) (proto.Message, error)
	Upstream               func(*T) bool
	EDSInitialFetchTimeout time.Duration
	// Describe returns what an effective filter does, and to how many routes. Only the spec of T is
	// set.
	Describe func(f *T, routes int) string
}

// Feature returns the feature.
func (f Filter[T]) Feature() mutator.Feature {
	p := &filterPolicy[T]{isOfRule: true, FilterPolicy: FilterPolicy[T]{
		Name: f.Name, Kind: f.Kind, OnFailure: f.OnFailure, Position: f.Position, Config: f.Config, PerRoute: f.PerRoute,
		Upstream: f.Upstream, EDSInitialFetchTimeout: f.EDSInitialFetchTimeout, Describe: f.Describe,
	}}
	p.kind = policy.NewKind(f.Kind, f.Validate).WithConditions(f.Resource)
	feature := p.feature()
	feature.Err = missing("Filter", f.Name, f.Kind, required{"Resource", f.Resource != ""}, required{"Config", f.Config != nil}, required{"Describe", f.Describe != nil})
	feature.Filters = []policy.Kind{p.kind}
	return feature
}
