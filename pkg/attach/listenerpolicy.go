package attach

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// ListenerPolicy is a feature whose custom resources T are policies on Gateways and their
// listeners, and edit the filter chains that receive requests for their targets. A policy on a
// listener overrides one on its Gateway, see [Effective].
//
// Envoy Gateway has one filter chain for each HTTPS listener, and one for all HTTP listeners of a
// port. A chain is edited only if all of its listeners have the same effective policy. Otherwise
// the policies are ApplyFailed there, and policies with the failure policy Deny deny the virtual hosts of
// their own listeners.
type ListenerPolicy[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Targets are the targets of a policy: Gateways and listeners. They are validated before
	// Validate is called.
	Targets func(*T) *v1alpha1.PolicyTargets
	// OnFailure is the failure policy of policies that do not set spec.failurePolicy.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList
	// FilterChain edits a filter chain, and HTTPConnectionManager each HTTP connection manager in
	// the chain. One of them may be nil. They must be idempotent.
	FilterChain           func(*T, *listenerv3.FilterChain) error
	HTTPConnectionManager func(*T, *hcmv3.HttpConnectionManager) error
	// Describe returns what an effective policy does. The listeners are namespace/name/section.
	Describe func(p *T, listeners []string) string
}

// Feature returns the feature.
func (p ListenerPolicy[T]) Feature() mutator.Feature {
	l := &listenerPolicy[T]{p}
	return mutator.Feature{
		Name: p.Name,
		Err: missing("ListenerPolicy", p.Name, p.Kind, required{"Targets", p.Targets != nil},
			required{"FilterChain or HTTPConnectionManager", p.FilterChain != nil || p.HTTPConnectionManager != nil}, required{"Describe", p.Describe != nil}),
		Hooks:       []mutator.Hook{mutator.HookTranslation},
		NeedsRoutes: true,
		Policies: []policy.Kind{policy.NewKind(p.Kind, func(t *T) field.ErrorList {
			return validate(t, p.Targets, []string{xds.KindGateway, xds.KindGatewayClass}, p.Validate)
		})},
		FailurePolicy:       p.OnFailure,
		Listeners:           chains[T]{l},
		RouteConfigurations: deniedHosts[T]{l},
		Reporter: Reporter{
			Kind: p.Kind, OnFailure: p.OnFailure, Targets: l.targets, Describe: l.describe,
			NoTarget: "no HTTP or gRPC route is attached to any targeted listener", Failure: l.failure,
			Denied: func(in *mutator.Input) map[string]*policy.Object { return l.listeners(in).Past },
		},
	}
}

// listenerPolicy implements the feature.
type listenerPolicy[T any] struct{ ListenerPolicy[T] }

func (p *listenerPolicy[T]) listeners(in *mutator.Input) *Listeners {
	return ListenersOf(in, p.Kind, p.OnFailure)
}

func (p *listenerPolicy[T]) denies(o *policy.Object) bool {
	return OnFailure(o, p.OnFailure) == mutator.Deny
}

// ofConfiguration returns the effective policies of the listeners of a route configuration, each
// once, and whether some of the listeners have none.
func (p *listenerPolicy[T]) ofConfiguration(in *mutator.Input, name string) (effective []*policy.Object, others bool) {
	listeners, _ := p.listeners(in).Of(name)
	for _, l := range listeners {
		switch {
		case l.Effective == nil:
			others = true
		case !slices.ContainsFunc(effective, func(o *policy.Object) bool { return o.String() == l.Effective.String() }):
			effective = append(effective, l.Effective.Object)
		}
	}
	return effective, others
}

// unknown returns the policies that deny a chain if the translation does not contain its routes, so
// that its listeners are unknown.
func (p *listenerPolicy[T]) unknown(in *mutator.Input) (on []*policy.Object) {
	for _, o := range in.Objects.Of(p.Kind) {
		if p.denies(o) {
			on = append(on, o)
		}
	}
	return on
}

// chains edits filter chains.
type chains[T any] struct{ *listenerPolicy[T] }

// Plan edits the listener if there are policies. Only the decoded listener shows which chains belong to
// their targets.
func (p chains[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation || len(in.Objects.Of(p.Kind)) == 0 {
		return nil
	}
	onFailure := mutator.Ignore
	if len(p.unknown(in)) > 0 {
		onFailure = mutator.Deny
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(_ context.Context, l *listenerv3.Listener) error { return p.edit(in, l) },
		CacheKey:  &p.listeners(in).CacheKey,
		OnFailure: onFailure,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			for _, name := range xds.RouteConfigurationsOf(l) {
				effective, _ := p.ofConfiguration(in, name)
				on = append(on, effective...)
			}
			return on
		},
	}
}

// edit applies to each filter chain the policy of its listeners. A failure affects only that chain:
// other chains on the same port may belong to other owners.
func (p chains[T]) edit(in *mutator.Input, l *listenerv3.Listener) error {
	var failures []mutator.PartialFailure
	for _, fc := range xds.FilterChains(l) {
		failed, err := p.editChain(in, fc)
		if err != nil {
			return err
		}
		failures = append(failures, failed...)
	}
	if len(failures) > 0 {
		return &mutator.PartialError{Failures: failures}
	}
	return nil
}

func (p chains[T]) editChain(in *mutator.Input, fc *listenerv3.FilterChain) ([]mutator.PartialFailure, error) {
	name, err := xds.RouteConfigurationOfChain(fc)
	if err != nil || name == "" {
		return nil, err
	}
	if _, known := p.listeners(in).Of(name); !known {
		if len(p.unknown(in)) == 0 {
			return nil, nil
		}
		return nil, xds.DenyFilterChain(fc)
	}
	effective, others := p.ofConfiguration(in, name)
	switch {
	case len(effective) == 0:
		return nil, nil
	case len(effective) > 1 || others:
		return p.shared(effective, fc), nil
	}
	o := effective[0]
	if o.Err != nil { // it has Deny, or it would not be effective
		return nil, xds.DenyFilterChain(fc)
	}
	edited := proto.CloneOf(fc)
	if err = errors.Join(p.apply(policy.As[T](o), edited), edited.ValidateAll()); err == nil {
		proto.Reset(fc)
		proto.Merge(fc, edited)
		return nil, nil
	}
	failure := mutator.PartialFailure{Policies: []*policy.Object{o}, Denied: p.denies(o), Err: fmt.Errorf("%s: %w", o, err)}
	if failure.Denied {
		err = xds.DenyFilterChain(fc)
	} else {
		err = nil
	}
	return []mutator.PartialFailure{failure}, err
}

// shared returns why policies are not in effect on a chain of listeners with different policies.
// Policies with Deny deny the routes instead, see [deniedHosts].
func (p chains[T]) shared(effective []*policy.Object, fc *listenerv3.FilterChain) (all []mutator.PartialFailure) {
	for _, o := range effective {
		if o.Err == nil {
			all = append(all, mutator.PartialFailure{Policies: []*policy.Object{o}, Denied: p.denies(o), Err: fmt.Errorf(
				"Envoy Gateway has one filter chain (%s) for all HTTP listeners of the port, and they do not all have the policy: attach it to the Gateway, or use another port", fc.GetName())})
		}
	}
	return all
}

func (p chains[T]) apply(t *T, fc *listenerv3.FilterChain) error {
	if t == nil {
		return errors.New("not a policy of this kind")
	}
	if p.FilterChain != nil {
		if err := p.FilterChain(t, fc); err != nil {
			return err
		}
	}
	if p.HTTPConnectionManager == nil {
		return nil
	}
	_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		return true, errors.Join(p.HTTPConnectionManager(t, hcm), hcm.ValidateAll())
	})
	return err
}

// deniedHosts denies the virtual hosts of listeners whose policy has Deny and cannot be applied:
// they share a filter chain with listeners that have other policies, or the translation contains no
// listeners.
type deniedHosts[T any] struct{ *listenerPolicy[T] }

// Plan denies virtual hosts of a configuration if there are any to deny.
func (p deniedHosts[T]) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	if in.Hook != mutator.HookTranslation || len(in.Objects.Of(p.Kind)) == 0 {
		return nil
	}
	denied := p.of(in, rc.Name())
	if len(denied) == 0 {
		return nil
	}
	key, on := "", []*policy.Object{}
	for _, l := range denied {
		key, on = key+l.String()+"\x00", append(on, l.Effective.Object)
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:      func(_ context.Context, rc *routev3.RouteConfiguration) error { return denyHosts(rc, denied) },
		CacheKey:  &key,
		OnFailure: mutator.Deny,
		Affected:  func(*routev3.RouteConfiguration) []*policy.Object { return on },
	}
}

// of returns the denied listeners of a configuration.
func (p deniedHosts[T]) of(in *mutator.Input, configuration string) (denied []*Listener) {
	effective, others := p.ofConfiguration(in, configuration)
	if in.Has(mutator.KindListener) && len(effective) < 2 && !others {
		return nil
	}
	listeners, _ := p.listeners(in).Of(configuration)
	for _, l := range listeners {
		if l.Effective != nil && p.denies(l.Effective.Object) {
			denied = append(denied, l)
		}
	}
	return denied
}

func denyHosts(rc *routev3.RouteConfiguration, denied []*Listener) error {
	for _, vh := range rc.GetVirtualHosts() {
		of := xds.ListenersOf(rc.GetName(), vh)
		if !slices.ContainsFunc(denied, func(l *Listener) bool { return slices.Contains(of, l.Reference) }) {
			continue
		}
		if err := xds.DenyVirtualHost(vh); err != nil {
			return err
		}
	}
	return nil
}

// targets yields the listeners.
func (p *listenerPolicy[T]) targets(in *mutator.Input) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, l := range p.listeners(in).All {
			t := Target{Attached: l.Attached, Resources: 1, Name: strings.Join([]string{l.Namespace, l.Name, l.SectionName}, "/")}
			if !yield(t) {
				return
			}
		}
	}
}

// failure returns why a policy cannot be applied: resources that the translation does not contain.
func (p *listenerPolicy[T]) failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	then := ""
	switch hasListeners := in.Has(mutator.KindListener); {
	case r == mutator.Programmed && !hasListeners:
		if p.denies(o) {
			then = "; requests to its targets are rejected"
		}
		return mutator.NotIncluded(mutator.KindListener) + then
	case r == mutator.TargetNotFound && hasListeners && p.denies(o) && len(in.Routes().Configurations()) == 0:
		return errNoRoutes.Error() + "; requests to all listeners are rejected"
	default:
		return ""
	}
}

func (p *listenerPolicy[T]) describe(o *policy.Object, t *Tally) string {
	return p.Describe(policy.As[T](o), t.Names) + t.Elsewhere(o)
}
