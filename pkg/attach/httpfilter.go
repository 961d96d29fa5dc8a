package attach

import (
	"context"
	"fmt"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// HTTPFilter is a feature whose custom resources T configure an HTTP filter of Envoy: rules of
// HTTPRoutes and GRPCRoutes refer to them by ExtensionRefs. The Route hook configures the filter on
// the routes. The Translation hook inserts the filter only into the HTTP connection managers that
// have such a route. If a rule refers to several custom resources, the one with precedence is in
// effect and the others are Conflicted.
type HTTPFilter[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Resource is the plural name of the kind in the API server, for the conditions of filters.
	Resource string
	// OnFailure is the failure policy of custom resources that do not set their own. With Deny
	// their routes are denied if Envoy Gateway does not include listeners, and a listener is denied
	// if the filter cannot be inserted into it.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks.
	Validate func(*T) field.ErrorList
	// Filter is the name of the filter in Envoy. If the filter has a [httpfilter.Kind], begin the
	// name with the kind, and end it with a name of your own: Envoy Gateway inserts filters by the
	// names of the kinds. An existing filter with this name stays unmodified.
	Filter   string
	Position httpfilter.Position
	// Config is the configuration of the filter in the connection manager.
	Config proto.Message
	// Inert means that the filter does nothing with Config alone. It is then enabled for every
	// request. Otherwise it is enabled only on the routes of custom resources. Envoy decides at the
	// start of a request whether a disabled filter takes part: if another filter makes Envoy select
	// the route again, the disabled filter is missing, even if the new route enables it. A filter
	// that protects must be inert.
	Inert bool
	// PerRoute returns the setting for the routes. If it is nil, or returns nil, the setting is
	// [httpfilter.Enable].
	PerRoute func(*T) (proto.Message, error)
	// Describe returns what an effective custom resource does. Only the spec of T is set.
	Describe func(*T) string
}

// Feature returns the feature.
func (f HTTPFilter[T]) Feature() mutator.Feature {
	return mutator.Feature{
		Name: f.Name,
		Err: missing("HTTPFilter", f.Name, f.Kind, required{"Resource", f.Resource != ""}, required{"Filter", f.Filter != ""},
			required{"Config", f.Config != nil}, required{"Describe", f.Describe != nil}),
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		Filters:             []policy.Kind{policy.NewKind(f.Kind, f.Validate).WithConditions(f.Resource)},
		FailurePolicy:       f.OnFailure,
		Routes:              filterSettings[T]{f},
		Listeners:           filterInsertion[T]{f},
		RouteConfigurations: filterMissing[T]{f},
		Reporter:            filterReporter[T]{f},
	}
}

// filterSettings configures the filter on routes, and adds the custom resource to their metadata
// for the translation.
type filterSettings[T any] struct{ HTTPFilter[T] }

// Plan applies the custom resource of the route's rule that has precedence.
func (f filterSettings[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*routev3.Route] {
	filters := in.Objects.Of(f.Kind)
	if len(filters) == 0 {
		return nil
	}
	o := filters[0]
	return &mutator.Plan[*routev3.Route]{
		Edit: func(_ context.Context, r *routev3.Route) error {
			if err := f.set(in, o, r); err != nil {
				return fmt.Errorf("%s: %w", o, err)
			}
			return nil
		},
		CacheKey:  new(o.Digest()),
		OnFailure: OnFailure(o, f.OnFailure),
		Affected:  func(*routev3.Route) []*policy.Object { return []*policy.Object{o} },
	}
}

func (f filterSettings[T]) set(in *mutator.Input, o *policy.Object, r *routev3.Route) error {
	if o.Err != nil {
		return o.Err
	}
	setting, err := f.setting(policy.As[T](o))
	if err != nil {
		return err
	}
	if err := httpfilter.Configure(r, f.Filter, setting); err != nil {
		return err
	}
	entry, err := mutator.EncodeAttached(in, f.Kind, policy.Attachment{Object: o, Specificity: policy.ToRule}, nil)
	if err != nil {
		return err
	}
	r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), entry)
	if f.denies(o) {
		mutator.Hold(f.Kind, r)
	}
	return nil
}

func (f HTTPFilter[T]) setting(t *T) (setting proto.Message, err error) {
	if setting, err = perRoute(t, f.PerRoute); setting == nil {
		setting = httpfilter.Enable()
	}
	return setting, err
}

func (f HTTPFilter[T]) denies(o *policy.Object) bool {
	return OnFailure(o, f.OnFailure) == mutator.Deny
}

// inUse is the custom resources that are in effect on the routes of a translation.
type inUse struct {
	configurations map[string][]*policy.Object // by the name of the route configuration
	objects        []*policy.Object
	key            string
	onFailure      mutator.FailurePolicy // the strictest
}

type inUseKey struct{ schema.GroupVersionKind }

func (f HTTPFilter[T]) inUse(in *mutator.Input) *inUse {
	return mutator.ComputeOnce(in, inUseKey{f.Kind}, func(in *mutator.Input) *inUse {
		u, seen := &inUse{configurations: map[string][]*policy.Object{}, onFailure: mutator.Ignore}, map[string]bool{}
		for _, name := range in.Routes().Configurations() {
			on := f.decode(in, in.Routes().Configuration(name).MetadataEntries())
			if len(on) == 0 {
				continue
			}
			u.configurations[name], u.key = on, u.key+name+"\x00"
			for _, o := range on {
				if f.denies(o) {
					u.onFailure = mutator.Deny
				}
				if !seen[o.String()] {
					seen[o.String()], u.objects = true, append(u.objects, o)
				}
			}
		}
		return u
	})
}

// decode reads the custom resources in the metadata of routes.
func (f HTTPFilter[T]) decode(in *mutator.Input, entries []xds.MetadataEntry) (on []*policy.Object) {
	kind := policy.NewKind[T](f.Kind, nil).WithConditions(f.Resource)
	for _, e := range entries {
		for _, a := range mutator.DecodeAttached(in, kind, e) {
			on = append(on, a.Object)
		}
	}
	return on
}

// filterInsertion inserts the filter.
type filterInsertion[T any] struct{ HTTPFilter[T] }

// Plan inserts the filter if any route of the translation needs it. Only a decoded listener shows its
// route configurations.
func (f filterInsertion[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	u := f.inUse(in)
	if len(u.configurations) == 0 {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(_ context.Context, l *listenerv3.Listener) error { return f.insert(l, u) },
		CacheKey:  &u.key,
		OnFailure: u.onFailure,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			for _, name := range xds.RouteConfigurationsOf(l) {
				on = append(on, u.configurations[name]...)
			}
			return on
		},
	}
}

func (f filterInsertion[T]) insert(l *listenerv3.Listener, u *inUse) error {
	filter, err := httpfilter.New(f.Filter, f.Config)
	if err != nil {
		return err
	}
	filter.Disabled = !f.Inert
	need := func(routeConfiguration string) bool { return u.configurations[routeConfiguration] != nil }
	return httpfilter.EachHCM(l, need, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		return httpfilter.Ensure(hcm, f.Position, filter)
	})
}

// filterMissing denies routes whose filter is missing because Envoy Gateway does not include
// listeners.
type filterMissing[T any] struct{ HTTPFilter[T] }

// Plan applies the failure policy Deny of the custom resources.
func (f filterMissing[T]) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	if in.Has(mutator.KindListener) || !slices.ContainsFunc(f.inUse(in).configurations[rc.Name()], f.denies) {
		return nil
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit: func(_ context.Context, rc *routev3.RouteConfiguration) error {
			for _, vh := range rc.GetVirtualHosts() {
				for _, r := range vh.GetRoutes() {
					if err := f.deny(in, r); err != nil {
						return err
					}
				}
			}
			return nil
		},
		CacheKey: new(f.Name), // the result depends only on the route configuration
		Affected: func(rc *routev3.RouteConfiguration) []*policy.Object {
			return slices.DeleteFunc(slices.Clone(f.inUse(in).configurations[rc.GetName()]), func(o *policy.Object) bool { return !f.denies(o) })
		},
	}
}

func (f filterMissing[T]) deny(in *mutator.Input, r *routev3.Route) error {
	if slices.ContainsFunc(f.decode(in, xds.MetadataEntries(r.GetMetadata())), f.denies) {
		return xds.DenyRoute(r)
	}
	return nil
}

// filterReporter reports only invalid custom resources in the Route hook: the later translation
// determines whether the filter is present.
type filterReporter[T any] struct{ HTTPFilter[T] }

// Report implements [mutator.Reporter].
func (f filterReporter[T]) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookTranslation {
		return ofRule(in.Objects.Of(f.Kind), func(*policy.Object) (mutator.Reason, string) { return mutator.Pending, "" })
	}
	for _, o := range f.inUse(in).objects {
		p := mutator.PolicyOutcome{Policy: o, Reason: mutator.Programmed, Message: f.Describe(policy.As[T](o))}
		if !in.Has(mutator.KindListener) {
			p.Reason, p.Message = mutator.ApplyFailed, missingFilter(mutator.KindListener, f.denies(o))
		}
		out = append(out, p)
	}
	return out
}
