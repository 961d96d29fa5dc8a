package xdspatchpolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// errNoRoutes is why nothing is patched in a translation without routes: owners are unknown.
var errNoRoutes = errors.New(mutator.NotIncluded(mutator.KindRouteConfiguration))

// listeners patches listeners and their contents.
type listeners struct{}

// Plan patches every listener if a policy selects one: only a decoded listener shows its owners.
func (listeners) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	use := mutator.ComputeOnce(in, listenersKey{}, newListenersUse)
	if in.Hook != mutator.HookTranslation || len(use.policies) == 0 {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(ctx context.Context, l *listenerv3.Listener) error { return use.edit(withBudgets(ctx), in, l) },
		CacheKey:  &use.key,
		OnFailure: use.onFailure,
		Affected: func(l *listenerv3.Listener) []*policy.Object {
			a := ofListeners(in, gatewayListeners(in, l))
			return append(objectsOf(a.on), rejectedOf(a)...)
		},
	}
}

func rejectedOf(a *attached) (objects []*policy.Object) {
	for _, r := range a.rejected {
		objects = append(objects, r.Object)
	}
	return objects
}

type listenersKey struct{}

// listenersUse holds the policies that select parts of listeners, and a cache key for them.
type listenersUse struct {
	policies  []*policy.Object
	onFailure mutator.FailurePolicy
	key       string
	// chains reports whether a policy can change the name or match of a filter chain.
	chains bool
}

func newListenersUse(in *mutator.Input) *listenersUse {
	u := &listenersUse{onFailure: mutator.Ignore}
	for _, o := range in.Objects.Of(gvk) {
		if content(o) == nil || !selects(o, ofListenerKinds) {
			continue
		}
		u.policies = append(u.policies, o)
		u.chains = u.chains || selects(o, []v1alpha1.XDSKind{v1alpha1.XDSListener, v1alpha1.XDSFilterChain})
		u.key += fmt.Sprintf("%s%v\x00", o.Digest(), o.Err)
		if denies(o) {
			u.onFailure = mutator.Deny
		}
	}
	if len(u.policies) == 0 {
		return u
	}
	for _, name := range in.Routes().Configurations() {
		u.key += name + "\x00" + ofListeners(in, in.Routes().Configuration(name).Listeners()).key()
	}
	for _, k := range protectedKinds {
		for _, o := range in.Objects.Of(k) {
			u.key += o.Digest()
		}
	}
	return u
}

// gatewayListeners returns the Gateway listeners that a listener serves, if they have routes.
func gatewayListeners(in *mutator.Input, l *listenerv3.Listener) (all []xds.Reference) {
	for _, name := range xds.RouteConfigurationsOf(l) {
		all = appendListeners(all, in, name)
	}
	return all
}

func appendListeners(all []xds.Reference, in *mutator.Input, configuration string) []xds.Reference {
	origin := in.Routes().Configuration(configuration)
	if origin == nil {
		return all
	}
	for _, r := range origin.Listeners() {
		if !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// edit patches the listener first, then its filter chains and their contents.
func (u *listenersUse) edit(ctx context.Context, in *mutator.Input, l *listenerv3.Listener) error {
	if len(in.Routes().Configurations()) == 0 {
		if u.onFailure == mutator.Deny && slices.ContainsFunc(xds.RouteConfigurationsOf(l), func(name string) bool { return name != "" }) {
			return errNoRoutes
		}
		return nil
	}
	of := gatewayListeners(in, l)
	place := ofListeners(in, of)
	all := counted(ctx, place.failures(v1alpha1.XDSListener))
	var came *listenerv3.FilterChain
	if u.chains {
		came, _ = xds.OverlappingFilterChains(l)
	}
	check := func() error { return checkChains(l, came != nil) }
	m := message{kind: v1alpha1.XDSListener, Message: l, target: targetOf(of, l.GetMetadata()), check: check, fields: []protoreflect.Name{"filter_chains", "default_filter_chain"}, owned: ownedOfListeners(in, of)}
	all = append(all, edit(ctx, m, place.selecting(v1alpha1.XDSListener))...)
	for _, fc := range xds.FilterChains(l) {
		fails, err := editChain(ctx, in, fc, all, check)
		if err != nil {
			return err
		}
		all = append(all, fails...)
	}
	return partial(merged(all))
}

// editChain patches a filter chain. It denies only this chain if a policy with failure policy Deny
// failed on it or on the listener, because other chains may have other owners. check covers all
// chains of the listener.
func editChain(ctx context.Context, in *mutator.Input, fc *listenerv3.FilterChain, ofListener failed, check func() error) (all failed, err error) {
	name, err := xds.RouteConfigurationOfChain(fc)
	if err != nil || name == "" {
		return nil, err
	}
	of := appendListeners(nil, in, name)
	place := ofListeners(in, of)
	all = counted(ctx, place.failures(v1alpha1.XDSFilterChain, v1alpha1.XDSHTTPConnectionManager, v1alpha1.XDSHTTPFilter, v1alpha1.XDSDownstreamTLS))
	owned := ownedOfListeners(in, of)
	m := message{kind: v1alpha1.XDSFilterChain, Message: fc, target: targetOf(of, fc.GetMetadata()), check: check, fields: []protoreflect.Name{"name", "filter_chain_match"}, owned: owned}
	applied := edit(ctx, m, place.selecting(v1alpha1.XDSFilterChain))
	fails, err := editTLS(ctx, fc, m, place)
	if err != nil {
		return nil, err
	}
	applied = append(applied, fails...)
	if fails, err = editManagers(ctx, fc, m, place); err != nil {
		return nil, err
	}
	applied = append(applied, fails...)
	all = append(all, applied...)
	if applied.denies() || slices.ContainsFunc(place.on, func(c policy.Attachment) bool { return ofListener.deniesBy(c.Object) }) {
		return all, xds.DenyFilterChain(fc)
	}
	return all, nil
}

// deniesBy reports whether traffic must be rejected because the policy failed.
func (f failed) deniesBy(o *policy.Object) bool {
	return slices.ContainsFunc(f, func(p mutator.PartialFailure) bool { return p.Denied && p.Policies[0].String() == o.String() })
}

func editTLS(ctx context.Context, fc *listenerv3.FilterChain, of message, place *attached) (fails failed, err error) {
	on := place.selecting(v1alpha1.XDSDownstreamTLS)
	if len(on) == 0 || xds.IsPlaintext(fc) {
		return nil, nil
	}
	err = xds.EditDownstreamTLS(fc, func(tls *tlsv3.DownstreamTlsContext) error {
		fails = edit(ctx, message{kind: v1alpha1.XDSDownstreamTLS, Message: tls, target: of.target, owned: of.owned}, on)
		return nil
	})
	return fails, err
}

func editManagers(ctx context.Context, fc *listenerv3.FilterChain, of message, place *attached) (fails failed, err error) {
	on, onFilters := place.selecting(v1alpha1.XDSHTTPConnectionManager), place.selecting(v1alpha1.XDSHTTPFilter)
	if len(on)+len(onFilters) == 0 {
		return nil, nil
	}
	_, err = xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		m := message{kind: v1alpha1.XDSHTTPConnectionManager, Message: hcm, target: of.target, owned: of.owned, check: func() error { return checkManager(hcm) }, fields: []protoreflect.Name{"http_filters"}}
		fails = append(fails, edit(ctx, m, on)...)
		for _, f := range hcm.GetHttpFilters() {
			found, err := editFilter(ctx, f, of, onFilters)
			if err != nil {
				return false, err
			}
			fails = append(fails, found...)
		}
		return true, nil
	})
	return fails, err
}
