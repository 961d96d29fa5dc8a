package xdspatchpolicy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// configurations patches route configurations, virtual hosts and routes.
type configurations struct{}

// The kinds of messages of a route configuration, and of a listener.
var (
	ofConfigurations = []v1alpha1.XDSKind{v1alpha1.XDSRouteConfiguration, v1alpha1.XDSVirtualHost, v1alpha1.XDSRoute}
	ofListenerKinds  = []v1alpha1.XDSKind{v1alpha1.XDSListener, v1alpha1.XDSFilterChain, v1alpha1.XDSHTTPConnectionManager, v1alpha1.XDSHTTPFilter, v1alpha1.XDSDownstreamTLS}
)

// Plan patches a configuration if a policy is attached to its listeners or in the metadata of a
// route.
func (configurations) Plan(in *mutator.Input, rc mutator.View) *mutator.Plan[*routev3.RouteConfiguration] {
	place := mutator.ComputeOnce(in, configurationKey{rc.Name()}, func(in *mutator.Input) *configuration { return newConfiguration(in, rc.Name()) })
	if len(place.policies) == 0 {
		return nil
	}
	onFailure := mutator.Ignore
	if slices.ContainsFunc(place.policies, denies) {
		onFailure = mutator.Deny
	}
	return &mutator.Plan[*routev3.RouteConfiguration]{
		Edit: func(ctx context.Context, rc *routev3.RouteConfiguration) error {
			return place.edit(withBudgets(ctx), in, rc)
		},
		CacheKey:  &place.key,
		OnFailure: onFailure,
		Affected:  func(*routev3.RouteConfiguration) []*policy.Object { return place.policies },
	}
}

type configurationKey struct{ name string }

// configuration holds the policies that affect a route configuration.
type configuration struct {
	whole    *attached
	policies []*policy.Object
	key      string
}

func newConfiguration(in *mutator.Input, name string) *configuration {
	c := &configuration{whole: &attached{}}
	origin := in.Routes().Configuration(name)
	if origin == nil {
		return c
	}
	c.whole = ofListeners(in, origin.Listeners())
	seen := map[string]bool{}
	add := func(a *attached) {
		for _, p := range a.on {
			if !seen[p.String()] {
				seen[p.String()] = true
				c.policies = append(c.policies, p.Object)
			}
		}
		for _, r := range a.rejected {
			if !seen[r.String()] {
				seen[r.String()] = true
				c.policies = append(c.policies, r.Object)
			}
		}
	}
	add(c.whole)
	c.key = c.whole.key()
	for _, h := range in.Routes().Hosts(name) {
		a := ofListeners(in, h.Listeners())
		add(a)
		c.key += a.key()
		for _, entries := range h.MetadataEntries() {
			if len(entries) > 0 {
				a := ofRoute(in, h.Listeners(), entries)
				add(a)
				c.key += a.key()
			}
		}
	}
	c.key += fmt.Sprint(in.Has(mutator.KindListener), in.Has(mutator.KindCluster))
	return c
}

// edit patches the configuration first, then its virtual hosts, then their routes.
func (c *configuration) edit(ctx context.Context, in *mutator.Input, rc *routev3.RouteConfiguration) error {
	all := counted(ctx, c.whole.failures(v1alpha1.XDSRouteConfiguration))
	whole := message{kind: v1alpha1.XDSRouteConfiguration, Message: rc, target: targetOf(in.Routes().Configuration(rc.GetName()).Listeners(), nil), check: func() error { return checkHosts(rc) }, fields: []protoreflect.Name{"virtual_hosts"}}
	fails := edit(ctx, whole, c.whole.selecting(v1alpha1.XDSRouteConfiguration))
	all = append(all, fails...)
	if fails.denies() {
		return errors.Join(partial(all), xds.DenyRouteConfiguration(rc))
	}
	for _, vh := range rc.GetVirtualHosts() {
		fails, err := c.editHost(ctx, in, rc, vh)
		if err != nil {
			return err
		}
		all = append(all, fails...)
	}
	return partial(merged(all))
}

func (c *configuration) editHost(ctx context.Context, in *mutator.Input, rc *routev3.RouteConfiguration, vh *routev3.VirtualHost) (all failed, err error) {
	listeners := xds.ListenersOf(rc.GetName(), vh)
	place := ofListeners(in, listeners)
	all = counted(ctx, place.failures(v1alpha1.XDSVirtualHost))
	m := message{kind: v1alpha1.XDSVirtualHost, Message: vh, target: targetOf(listeners, vh.GetMetadata()), check: func() error { return checkHosts(rc) }, fields: []protoreflect.Name{"name", "domains"}}
	fails := edit(ctx, m, place.selecting(v1alpha1.XDSVirtualHost))
	all = append(all, fails...)
	if fails.denies() || place.rejects() || c.lacks(in, place) {
		return all, xds.DenyVirtualHost(vh)
	}
	for _, r := range vh.GetRoutes() {
		fails, err := editRoute(ctx, in, listeners, r)
		if err != nil {
			return nil, err
		}
		all = append(all, fails...)
	}
	return all, nil
}

// lacks reports whether a virtual host must be denied because a policy with failure policy Deny
// cannot be applied to its listener: the listener also serves others, or the translation does not
// include it.
func (c *configuration) lacks(in *mutator.Input, host *attached) bool {
	for _, p := range host.on {
		if !denies(p.Object) || !selects(p.Object, append(ofListenerKinds[:len(ofListenerKinds):len(ofListenerKinds)], v1alpha1.XDSRouteConfiguration)) {
			continue
		}
		if !in.Has(mutator.KindListener) && selects(p.Object, ofListenerKinds) {
			return true
		}
		if slices.ContainsFunc(c.whole.rejected, func(r rejection) bool { return r.String() == p.String() }) {
			return true
		}
	}
	return false
}

func editRoute(ctx context.Context, in *mutator.Input, listeners []xds.Reference, r *routev3.Route) (failed, error) {
	place := ofRoute(in, listeners, xds.MetadataEntries(r.GetMetadata()))
	m := message{kind: v1alpha1.XDSRoute, Message: r, target: targetOf(listeners, r.GetMetadata())}
	fails := append(counted(ctx, place.failures(v1alpha1.XDSRoute)), edit(ctx, m, place.selecting(v1alpha1.XDSRoute))...)
	if fails.denies() || place.rejects() {
		return fails, xds.DenyRoute(r)
	}
	return fails, nil
}

// merged removes repeated failures of a policy for the same reason.
func merged(all failed) (out failed) {
	seen := map[string]bool{}
	for _, f := range all {
		if key := f.Policies[0].String() + "\x00" + f.Err.Error(); !seen[key] {
			seen[key] = true
			out = append(out, f)
		}
	}
	return out
}
