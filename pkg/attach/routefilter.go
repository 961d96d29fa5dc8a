package attach

import (
	"context"
	"fmt"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// RouteFilter is a feature whose custom resources T are filters: rules of HTTPRoutes and
// GRPCRoutes refer to one by an ExtensionRef, and the Route hook edits their routes. If a rule refers
// to several, the one with precedence is in effect and the others are Conflicted.
type RouteFilter[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Resource is the plural name of the kind in the API server, for the conditions of filters.
	Resource string
	// OnFailure is the failure policy of filters that do not set their own.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks.
	Validate func(*T) field.ErrorList
	// Edit edits a route of a rule that refers to the filter.
	Edit func(*mutator.Input, *T, *routev3.Route) error
	// Key returns a cache key for what Edit reads of the input besides the filter. Nil if Edit
	// reads nothing else.
	Key func(*mutator.Input) string
	// Describe returns what an effective filter does.
	Describe func(*T) string
}

// Feature returns the feature.
func (f RouteFilter[T]) Feature() mutator.Feature {
	return mutator.Feature{
		Name:          f.Name,
		Err:           missing("RouteFilter", f.Name, f.Kind, required{"Resource", f.Resource != ""}, required{"Edit", f.Edit != nil}, required{"Describe", f.Describe != nil}),
		Hooks:         []mutator.Hook{mutator.HookRoute},
		Filters:       []policy.Kind{policy.NewKind(f.Kind, f.Validate).WithConditions(f.Resource)},
		FailurePolicy: f.OnFailure,
		Routes:        routeFilter[T]{f},
		Reporter:      routeFilter[T]{f},
	}
}

type routeFilter[T any] struct{ RouteFilter[T] }

// Plan applies the filters of a call, which are all filters of the route's rule.
func (f routeFilter[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*routev3.Route] {
	filters := in.Objects.Of(f.Kind)
	if len(filters) == 0 {
		return nil
	}
	o := filters[0]
	key := o.Digest()
	if f.Key != nil {
		key += f.Key(in)
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:      func(_ context.Context, r *routev3.Route) error { return f.apply(in, o, r) },
		CacheKey:  &key,
		OnFailure: OnFailure(o, f.OnFailure),
		Affected:  func(*routev3.Route) []*policy.Object { return []*policy.Object{o} },
	}
}

func (f routeFilter[T]) apply(in *mutator.Input, o *policy.Object, r *routev3.Route) error {
	err := o.Err
	if err == nil {
		err = f.Edit(in, policy.As[T](o), r)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	return nil
}

// Report implements [mutator.Reporter] for one route. If the route itself causes a failure, the
// engine reports the failure instead.
func (f routeFilter[T]) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	return ofRule(in.Objects.Of(f.Kind), func(o *policy.Object) (mutator.Reason, string) {
		return mutator.Programmed, f.Describe(policy.As[T](o))
	})
}

// ofRule returns the outcomes of the custom resources to which one rule refers, the one with
// precedence first. It calls effective for that one, if it is valid.
func ofRule(filters []*policy.Object, effective func(*policy.Object) (mutator.Reason, string)) (out []mutator.PolicyOutcome) {
	for i, o := range filters {
		p := mutator.PolicyOutcome{Policy: o}
		switch {
		case i > 0:
			p.Reason, p.Message = mutator.Conflicted, filters[0].Precedence(o)+" and is a filter of the same rule"
		case o.Err != nil:
			p.Reason, p.Message = mutator.Invalid, o.Err.Error()
		default:
			p.Reason, p.Message = effective(o)
		}
		out = append(out, p)
	}
	return out
}
