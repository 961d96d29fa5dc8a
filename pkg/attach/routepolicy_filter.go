package attach

import (
	"context"
	"iter"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// filters inserts the filter of a [RoutePolicy].
type filters[T any] struct{ *routePolicy[T] }

type needKey struct{ schema.GroupVersionKind }

// need is which route configurations need the filter.
type need struct {
	configurations map[string]bool
	key            string
	onFailure      mutator.FailurePolicy // the strictest
	// unknown are policies with Deny, if the routes of their targets are unknown.
	unknown []*policy.Object
}

func (p *routePolicy[T]) needOf(in *mutator.Input) *need {
	return mutator.ComputeOnce(in, needKey{p.Kind}, p.newNeed)
}

func (p *routePolicy[T]) newNeed(in *mutator.Input) *need {
	n := &need{configurations: map[string]bool{}, onFailure: mutator.Ignore}
	if n.unknown = denyingAll(in, p.Kind, p.OnFailure); n.unknown != nil {
		n.onFailure, n.key = mutator.Deny, noRoutesKey
	}
	for _, name := range in.Routes().Configurations() {
		for _, o := range p.needing(in, name) {
			n.configurations[name] = true
			if p.denies(o) {
				n.onFailure = mutator.Deny
			}
		}
		if n.configurations[name] {
			n.key += name + "\x00"
		}
	}
	return n
}

// needing returns the effective policies of the listeners and routes of a configuration that need
// the filter.
func (p *routePolicy[T]) needing(in *mutator.Input, configuration string) (on []*policy.Object) {
	origin := in.Routes().Configuration(configuration)
	if origin == nil {
		return nil
	}
	var all [][]policy.Attachment
	for _, l := range origin.Listeners() {
		all = append(all, p.attached(in, l))
	}
	for _, m := range origin.MetadataEntries() {
		all = append(all, p.ofRoute(in, []xds.MetadataEntry{m}))
	}
	for _, found := range all {
		if e := p.effective(found); p.needsFilter(e) {
			on = append(on, e.Object)
		}
	}
	return on
}

// Plan inserts the filter if any route configuration needs it. Only a decoded listener shows its route
// configurations. The failure policy is Deny if any of the policies that need the filter has it,
// because none of them is in effect without the filter.
func (p filters[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	n := p.needOf(in)
	if len(n.configurations) == 0 && n.unknown == nil {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(_ context.Context, l *listenerv3.Listener) error { return p.insert(n, l) },
		CacheKey:  &n.key,
		OnFailure: n.onFailure,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			if n.unknown != nil {
				return n.unknown
			}
			for _, name := range xds.RouteConfigurationsOf(l) {
				on = append(on, p.needing(in, name)...)
			}
			return on
		},
	}
}

// insert adds the filter once. A listener is an error if the translation does not contain its
// routes.
func (p filters[T]) insert(n *need, l *listenerv3.Listener) error {
	if n.unknown != nil {
		return needsNoRoutes(l)
	}
	filter, err := httpfilter.New(p.Filter, p.Config)
	if err != nil {
		return err
	}
	filter.Disabled = true
	needed := func(routeConfiguration string) bool { return n.configurations[routeConfiguration] }
	return httpfilter.EachHCM(l, needed, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		return httpfilter.Ensure(hcm, p.Position, filter)
	})
}

// targets yields the routes of each virtual host. Routes without a policy of their own, which are
// most, are counted together.
func (p *routePolicy[T]) targets(in *mutator.Input) iter.Seq[Target] {
	return func(yield func(Target) bool) {
		for _, name := range in.Routes().Configurations() {
			for _, h := range in.Routes().Hosts(name) {
				for _, t := range p.targetsOf(in, h) {
					if !yield(t) {
						return
					}
				}
			}
		}
	}
}

func (p *routePolicy[T]) targetsOf(in *mutator.Input, h *xds.VirtualHostIndex) (all []Target) {
	of := p.attached(in, h.Listeners()...)
	own, others, hasOthers := ownOfRoutes(h, func(m []xds.MetadataEntry) []policy.Attachment { return p.ofRoute(in, m) })
	for _, o := range own {
		found := slices.Concat(of, o)
		policy.Sort(found)
		all = append(all, Target{Attached: found, Resources: 1})
	}
	if hasOthers {
		all = append(all, Target{Attached: of, Resources: others})
	}
	return all
}

// failure returns why a policy cannot be applied: resources that the translation does not contain.
func (p *routePolicy[T]) failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	switch hasListeners := in.Has(mutator.KindListener); {
	case r == mutator.Programmed && !hasListeners && p.needsFilter(&policy.Attachment{Object: o}):
		return missingFilter(mutator.KindListener, p.denies(o))
	case r == mutator.TargetNotFound && hasListeners && p.denies(o) && len(in.Routes().Configurations()) == 0:
		return errNoRoutes.Error() + "; requests to all listeners are rejected"
	default:
		return ""
	}
}

func (p *routePolicy[T]) describe(o *policy.Object, t *Tally) string {
	return p.Describe(policy.As[T](o), t.Resources) + t.Elsewhere(o)
}
