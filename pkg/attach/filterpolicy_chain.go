package attach

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// filterChains says which filters the HTTP connection managers of a translation need.
type filterChains struct {
	configurations map[string]*filterUse
	key            string
	onFailure      mutator.FailurePolicy // the strictest
	// past are policies past a limit of their namespace.
	past map[string]*policy.Object
	// unknown are policies that deny, if it is not known which routes they are for.
	unknown []*policy.Object
}

// filterUse is what one route configuration needs: the policies of it, in the order of their filters,
// of which those that are effective and valid have a filter.
type filterUse struct {
	policies  []*policy.Object
	key       string
	onFailure mutator.FailurePolicy
}

type filterChainsKey struct{ schema.GroupVersionKind }

type pastKey struct{ schema.GroupVersionKind }

func (p *filterPolicy[T]) chains(in *mutator.Input) *filterChains {
	return mutator.ComputeOnce(in, filterChainsKey{p.Kind}, p.newChains)
}

func (p *filterPolicy[T]) newChains(in *mutator.Input) *filterChains {
	c := &filterChains{configurations: map[string]*filterUse{}, onFailure: mutator.Ignore, past: p.past(in)}
	if len(in.Routes().Configurations()) == 0 {
		for _, o := range in.Objects.Of(p.Kind) {
			if p.denies(o) {
				c.unknown, c.onFailure, c.key = append(c.unknown, o), mutator.Deny, "routes not included"
			}
		}
	}
	for _, name := range in.Routes().Configurations() {
		use := p.newUse(in, name)
		if use == nil {
			continue
		}
		c.configurations[name] = use
		c.key += name + "\x00" + use.key
		if use.onFailure == mutator.Deny {
			c.onFailure = mutator.Deny
		}
	}
	return c
}

// newUse finds the policies that are effective on a route of a configuration.
func (p *filterPolicy[T]) newUse(in *mutator.Input, configuration string) *filterUse {
	use, seen := &filterUse{onFailure: mutator.Ignore}, map[string]bool{}
	var all []policy.Attachment
	for slot := range p.effectiveSlots(in, configuration) {
		e := Effective(p.judgedSlot(in, slot), p.OnFailure)
		if e == nil || seen[e.String()] {
			continue
		}
		seen[e.String()] = true
		all = append(all, policy.Attachment{Object: e.Object})
		if p.denies(e.Object) {
			use.onFailure = mutator.Deny
		}
	}
	if len(all) == 0 {
		return nil
	}
	policy.Sort(all)
	for _, a := range all {
		use.policies = append(use.policies, a.Object)
		use.key += fmt.Sprintf("%s%t\x00", a.Digest(), a.Err != nil)
	}
	return use
}

// effectiveSlots are the policies of each slot on each kind of route of a configuration.
func (p *filterPolicy[T]) effectiveSlots(in *mutator.Input, configuration string) iter.Seq[[]policy.Attachment] {
	return func(yield func([]policy.Attachment) bool) {
		for t := range p.eachRoute(in, configuration) {
			for _, slot := range t.slots {
				if !yield(slot) {
					return
				}
			}
		}
	}
}

// routesOf is a number of routes with the same policies, by slot.
type routesOf struct {
	slots  [][]policy.Attachment
	routes int
}

// eachRoute are the routes of a configuration. Those without a policy of their own are counted at once.
func (p *filterPolicy[T]) eachRoute(in *mutator.Input, configuration string) iter.Seq[routesOf] {
	return func(yield func(routesOf) bool) {
		for _, h := range in.Routes().Hosts(configuration) {
			of, others := p.slots(mutator.Attached(in, p.Kind, h.Listeners())), 0
			routes := h.MetadataEntries()
			for _, entries := range routes {
				own := p.ofRoute(in, entries)
				if len(own) == 0 {
					others++
				} else if !yield(routesOf{p.join(of, own), 1}) {
					return
				}
			}
			if (others > 0 || len(routes) == 0) && !yield(routesOf{of, others}) {
				return
			}
		}
	}
}

// past are the policies that are past a limit of their namespace.
func (p *filterPolicy[T]) past(in *mutator.Input) map[string]*policy.Object {
	return mutator.ComputeOnce(in, pastKey{p.Kind}, func(in *mutator.Input) map[string]*policy.Object {
		inEffect := map[string]policy.Attachment{}
		for _, name := range in.Routes().Configurations() {
			for slot := range p.effectiveSlots(in, name) {
				if e := Effective(slot, p.OnFailure); e != nil {
					inEffect[e.String()] = policy.Attachment{Object: e.Object}
				}
			}
		}
		sorted := slices.Collect(maps.Values(inEffect))
		policy.Sort(sorted)
		objects := make([]*policy.Object, len(sorted))
		for i, a := range sorted {
			objects[i] = a.Object
		}
		return in.Past(objects)
	})
}

// judged has policies past a limit be invalid.
func (p *filterPolicy[T]) judged(in *mutator.Input, slots [][]policy.Attachment) [][]policy.Attachment {
	out := make([][]policy.Attachment, len(slots))
	for i, s := range slots {
		out[i] = p.judgedSlot(in, s)
	}
	return out
}

func (p *filterPolicy[T]) judgedSlot(in *mutator.Input, slot []policy.Attachment) []policy.Attachment {
	past := p.past(in)
	if len(past) == 0 {
		return slot
	}
	slot = slices.Clone(slot)
	for i := range slot {
		if o := past[slot[i].String()]; o != nil {
			slot[i].Object = o
		}
	}
	return slot
}

// inserted inserts the filters.
type inserted[T any] struct{ *filterPolicy[T] }

// Plan inserts filters if any route configuration needs one: which of them are the listener's is known
// after it is decoded. The failure policy is Deny if any of the policies that need a filter denies.
func (p inserted[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	c := p.chains(in)
	if len(c.configurations) == 0 && c.unknown == nil {
		return nil
	}
	return &mutator.Plan[*listenerv3.Listener]{
		Edit:      func(_ context.Context, l *listenerv3.Listener) error { return p.insert(c, l) },
		CacheKey:  &c.key,
		OnFailure: c.onFailure,
		Affected: func(l *listenerv3.Listener) (on []*policy.Object) {
			if c.unknown != nil {
				return c.unknown
			}
			for _, name := range xds.RouteConfigurationsOf(l) {
				if use := c.configurations[name]; use != nil {
					on = append(on, use.policies...)
				}
			}
			return on
		},
	}
}

// insert puts the filters of each configuration into its connection managers. A listener that asks for
// routes which did not come with the translation is an error.
func (p inserted[T]) insert(c *filterChains, l *listenerv3.Listener) error {
	if c.unknown != nil {
		if slices.ContainsFunc(xds.RouteConfigurationsOf(l), func(name string) bool { return name != "" }) {
			return errNoRoutes
		}
		return nil
	}
	needed := func(configuration string) bool { return c.configurations[configuration] != nil }
	return httpfilter.EachHCM(l, needed, func(hcm *hcmv3.HttpConnectionManager) (changed bool, err error) {
		for _, group := range p.positions(c.configurations[xds.RouteConfigurationOf(hcm)].policies) {
			did, err := p.insertAt(hcm, group)
			if err != nil {
				return false, err
			}
			changed = changed || did
		}
		return changed, nil
	})
}

// positions are the valid policies by the position of their filters.
func (p inserted[T]) positions(policies []*policy.Object) (groups [][]*policy.Object) {
	index := map[httpfilter.Position]int{}
	for _, o := range policies {
		t := policy.As[T](o)
		if t == nil || o.Err != nil {
			continue
		}
		at := p.position(t)
		i, there := index[at]
		if !there {
			i = len(groups)
			index[at], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], o)
	}
	slices.SortStableFunc(groups, func(a, b []*policy.Object) int {
		return p.position(policy.As[T](a[0])).Compare(p.position(policy.As[T](b[0])))
	})
	return groups
}

func (p inserted[T]) insertAt(hcm *hcmv3.HttpConnectionManager, policies []*policy.Object) (bool, error) {
	filters := make([]*hcmv3.HttpFilter, len(policies))
	for i, o := range policies {
		config, err := p.Config(policy.As[T](o))
		if err != nil {
			return false, fmt.Errorf("%s: %w", o, err)
		}
		if filters[i], err = httpfilter.New(p.filterName(o), config); err != nil {
			return false, fmt.Errorf("%s: %w", o, err)
		}
		filters[i].Disabled = true
	}
	return httpfilter.Insert(hcm, p.position(policy.As[T](policies[0])), filters...)
}
