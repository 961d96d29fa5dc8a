package attach

import (
	"context"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// RoutePolicy is a feature whose custom resources T are policies on Gateways, listeners,
// HTTPRoutes, GRPCRoutes and their rules, and configure an HTTP filter, or fields of Envoy's
// routes, for the requests of their targets. The most specific policy is the effective one, see
// [Effective].
//
// The Route hook edits the routes with their own policy. The Translation hook edits the virtual hosts
// of targeted listeners, and inserts the filter only into the HTTP connection managers that need it.
type RoutePolicy[T any] struct {
	// Name is the name of the feature, see [mutator.Feature].
	Name string
	Kind schema.GroupVersionKind
	// Targets are the targets of a policy. They are validated before Validate is called.
	Targets func(*T) *v1alpha1.PolicyTargets
	// TargetKinds are the allowed kinds of targets; Gateway, GatewayClass, HTTPRoute and GRPCRoute
	// if it is empty.
	TargetKinds []string
	// OnFailure is the failure policy of policies that do not set spec.failurePolicy. With Deny the
	// targets are denied if the filter is missing because Envoy Gateway does not include listeners.
	OnFailure mutator.FailurePolicy
	// Validate fills in defaults and checks what the CRD checks. It may be nil.
	Validate func(*T) field.ErrorList

	// Route edits a route of an HTTPRoute or GRPCRoute that is a target.
	Route func(*T, *routev3.Route) error
	// VirtualHost edits a virtual host of a targeted listener, and only the given routes of it: the
	// others have their own policy, or their own setting for the filter.
	VirtualHost func(p *T, vh *routev3.VirtualHost, routes []*routev3.Route) error

	// Filter is the name of an HTTP filter in Envoy, with Position and Config as in [HTTPFilter];
	// empty for none. Only routes and virtual hosts with a setting for the filter enable it.
	Filter   string
	Position httpfilter.Position
	Config   proto.Message
	// Default is the setting for all routes of a connection manager that have no other setting. It
	// makes the filter take part in every request. Without it, a filter that makes Envoy select the
	// route again could bypass this filter. It may be nil.
	Default proto.Message
	// NeedsFilter reports whether an effective policy needs the filter; nil for always.
	NeedsFilter func(*T) bool

	// Describe returns what an effective policy does, and to how many routes.
	Describe func(p *T, routes int) string
}

// Feature returns the feature.
func (p RoutePolicy[T]) Feature() mutator.Feature {
	r := &routePolicy[T]{RoutePolicy: p}
	r.kind = policy.NewKind(p.Kind, r.validate)
	f := mutator.Feature{
		Name: p.Name,
		Err: missing("RoutePolicy", p.Name, p.Kind, required{"Targets", p.Targets != nil}, required{"Route", p.Route != nil}, required{"VirtualHost", p.VirtualHost != nil},
			required{"Config", p.Filter == "" || p.Config != nil}, required{"Describe", p.Describe != nil}),
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		Policies:            []policy.Kind{r.kind},
		FailurePolicy:       p.OnFailure,
		Routes:              routes{r.kind, p.OnFailure, r.editRoute},
		RouteConfigurations: virtualHosts[T]{r},
		Reporter: Reporter{
			Kind: p.Kind, OnFailure: p.OnFailure, Targets: r.targets, Describe: r.describe,
			NoTarget: "no listener of any target has a route", Failure: r.failure,
		},
	}
	if p.Filter != "" {
		f.Listeners = filters[T]{r}
	}
	return withoutRoutes(p.TargetKinds, f)
}

// hasOwn reports whether a route has its own policy, or a setting for the filter from Envoy
// Gateway.
func (p *routePolicy[T]) hasOwn(r *routev3.Route) bool {
	if _, own := r.GetTypedPerFilterConfig()[p.Filter]; own {
		return true
	}
	return slices.ContainsFunc(xds.MetadataEntries(r.GetMetadata()), func(m xds.MetadataEntry) bool { return mutator.IsEntryOf(p.Kind, m) })
}

// routePolicy implements the feature.
type routePolicy[T any] struct {
	RoutePolicy[T]
	kind policy.Kind
}

func (p *routePolicy[T]) validate(t *T) field.ErrorList {
	return validate(t, p.Targets, p.TargetKinds, p.Validate)
}

func (p *routePolicy[T]) editRoute(o *policy.Object, r *routev3.Route) error {
	return p.Route(policy.As[T](o), r)
}

func (p *routePolicy[T]) effective(found []policy.Attachment) *policy.Attachment {
	return Effective(found, p.OnFailure)
}

// attached returns the policies of listeners, the one with precedence first.
func (p *routePolicy[T]) attached(in *mutator.Input, listeners ...xds.Reference) []policy.Attachment {
	return mutator.Attached(in, p.Kind, listeners)
}

// ofRoute returns the policies that the Route hook added to a route.
func (p *routePolicy[T]) ofRoute(in *mutator.Input, entries []xds.MetadataEntry) (found []policy.Attachment) {
	for _, m := range entries {
		found = append(found, mutator.DecodeAttached(in, p.kind, m)...)
	}
	return found
}

// denies reports whether requests must not be served without the policy.
func (p *routePolicy[T]) denies(o *policy.Object) bool {
	return OnFailure(o, p.OnFailure) == mutator.Deny
}

// needsFilter reports whether a policy, nil for none, needs the filter to be in effect.
func (p *routePolicy[T]) needsFilter(a *policy.Attachment) bool {
	if p.Filter == "" || a == nil || a.Err != nil {
		return false
	}
	t := policy.As[T](a.Object)
	return t != nil && (p.NeedsFilter == nil || p.NeedsFilter(t))
}

// lacksFilter reports whether a policy, nil for none, cannot be in effect without the missing
// filter, so that its target is denied.
func (p *routePolicy[T]) lacksFilter(in *mutator.Input, a *policy.Attachment) bool {
	return p.needsFilter(a) && p.denies(a.Object) && !in.Has(mutator.KindListener)
}

// virtualHosts applies the policies of Gateways and listeners to their virtual hosts, and to no
// other listener on the same port.
type virtualHosts[T any] struct{ *routePolicy[T] }

// Plan applies the policies of the configuration's listeners, and sets the default for all other
// routes of a configuration that needs the filter.
func (p virtualHosts[T]) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	origin := in.Routes().Configuration(rc.Name())
	if origin == nil {
		return nil
	}
	var found []policy.Attachment
	if len(in.Objects.Of(p.Kind)) > 0 {
		found = p.attached(in, origin.Listeners()...)
	}
	needed := p.needOf(in).configurations[rc.Name()]
	if len(found) == 0 && !needed {
		return nil
	}
	onFailure := mutator.FailurePolicyOf(found)
	if e := p.effective(found); e != nil {
		onFailure = OnFailure(e.Object, p.OnFailure)
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit:      func(_ context.Context, rc *routev3.RouteConfiguration) error { return p.configure(in, rc) },
		CacheKey:  new(p.configurationKey(in, origin, needed)),
		OnFailure: onFailure,
		Affected:  func(rc *routev3.RouteConfiguration) []*policy.Object { return p.effectiveOn(in, rc.GetName()) },
	}
}

// configurationKey is a cache key for the policies of each listener, and for whether the filter can
// be inserted.
func (p virtualHosts[T]) configurationKey(in *mutator.Input, origin *xds.Referrers, needed bool) string {
	key := fmt.Sprintf("%t%t", in.Has(mutator.KindListener), needed)
	for _, l := range origin.Listeners() {
		key += l.String() + "\x00" + mutator.AttachedKey(p.attached(in, l)) + "\x00"
	}
	return key
}

// effectiveOn returns the effective policies of the listeners of a configuration, and the policies
// of its routes that need the filter, and with it the default for all other routes.
func (p virtualHosts[T]) effectiveOn(in *mutator.Input, configuration string) (on []*policy.Object) {
	for _, l := range in.Routes().Configuration(configuration).Listeners() {
		if e := p.effective(p.attached(in, l)); e != nil {
			on = append(on, e.Object)
		}
	}
	return append(on, p.needing(in, configuration)...)
}

// configure applies the effective policy of each virtual host's listener. An invalid policy with
// Deny denies only its own virtual hosts: an error would affect the whole configuration.
func (p virtualHosts[T]) configure(in *mutator.Input, rc *routev3.RouteConfiguration) error {
	if in.Has(mutator.KindListener) && p.needOf(in).configurations[rc.GetName()] {
		if err := p.setDefault(rc); err != nil {
			return err
		}
	}
	for _, vh := range rc.GetVirtualHosts() {
		if e := p.effective(p.attached(in, xds.ListenersOf(rc.GetName(), vh)...)); e != nil {
			if err := p.apply(in, e, vh); err != nil {
				return err
			}
		}
		for _, r := range vh.GetRoutes() {
			if p.lacksFilter(in, p.effective(p.ofRoute(in, xds.MetadataEntries(r.GetMetadata())))) {
				if err := xds.DenyRoute(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (p virtualHosts[T]) setDefault(rc *routev3.RouteConfiguration) error {
	if _, set := rc.GetTypedPerFilterConfig()[p.Filter]; set || p.Default == nil {
		return nil
	}
	return httpfilter.Set(&rc.TypedPerFilterConfig, p.Filter, p.Default)
}

func (p virtualHosts[T]) apply(in *mutator.Input, e *policy.Attachment, vh *routev3.VirtualHost) error {
	t := policy.As[T](e.Object)
	routes := slices.DeleteFunc(slices.Clone(vh.GetRoutes()), p.hasOwn)
	if t != nil && e.Err == nil && !p.lacksFilter(in, e) {
		return p.VirtualHost(t, vh, routes)
	}
	for _, r := range routes {
		if err := xds.DenyRoute(r); err != nil {
			return err
		}
	}
	return nil
}
