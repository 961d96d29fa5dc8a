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

// filterChains is which filters the HTTP connection managers and clusters of a translation need.
type filterChains struct {
	configurations map[string]*filterUse
	key            string                // of the filters in connection managers
	onFailure      mutator.FailurePolicy // the strictest
	upstream       bool                  // whether clusters need any
	// past are policies past a limit of their namespace, by the name of the object.
	past map[string]*policy.Object
	// unknown are policies with Deny, if the routes of their targets are unknown.
	unknown []*policy.Object
}

// filterUse is what one route configuration needs: its effective policies, in the order of their
// filters.
type filterUse struct {
	policies  []*policy.Object
	key       string
	onFailure mutator.FailurePolicy
	inChain   []*policy.Object // valid ones with a filter in connection managers
}

type filterChainsKey struct{ schema.GroupVersionKind }

type pastKey struct{ schema.GroupVersionKind }

func (p *filterPolicy[T]) chains(in *mutator.Input) *filterChains {
	return mutator.ComputeOnce(in, filterChainsKey{p.Kind}, p.newChains)
}

func (p *filterPolicy[T]) newChains(in *mutator.Input) *filterChains {
	c := &filterChains{configurations: map[string]*filterUse{}, onFailure: mutator.Ignore, past: p.past(in)}
	if c.unknown = denyingAll(in, p.Kind, p.OnFailure); c.unknown != nil {
		c.onFailure, c.key = mutator.Deny, noRoutesKey
	}
	for _, name := range in.Routes().Configurations() {
		use := p.newUse(in, name)
		if use == nil {
			continue
		}
		c.configurations[name] = use
		p.count(c, name, use)
	}
	return c
}

// count adds the needs of a configuration to the total.
func (p *filterPolicy[T]) count(c *filterChains, configuration string, use *filterUse) {
	for _, o := range use.policies {
		switch {
		case p.isUpstream(o):
			c.upstream = true
		case o.Err == nil && policy.As[T](o) != nil:
			use.inChain = append(use.inChain, o)
			if p.denies(o) {
				c.onFailure = mutator.Deny
			}
		}
	}
	if len(use.inChain) == 0 {
		return
	}
	c.key += configuration + "\x00"
	for _, o := range use.inChain {
		c.key += o.Digest() + "\x00"
	}
}

// newUse finds the effective policies of all routes of a configuration.
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

// effectiveSlots yields the policies of each slot, for each set of policies on routes of a
// configuration.
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

// eachRoute yields the routes of a configuration. Routes without a policy of their own are counted
// together.
func (p *filterPolicy[T]) eachRoute(in *mutator.Input, configuration string) iter.Seq[routesOf] {
	return func(yield func(routesOf) bool) {
		for _, h := range in.Routes().Hosts(configuration) {
			of := p.slots(mutator.Attached(in, p.Kind, h.Listeners()))
			own, others, hasOthers := ownOfRoutes(h, func(m []xds.MetadataEntry) [][]policy.Attachment { return p.ofRoute(in, m) })
			for _, o := range own {
				if !yield(routesOf{p.join(of, o), 1}) {
					return
				}
			}
			if hasOthers && !yield(routesOf{of, others}) {
				return
			}
		}
	}
}

// past returns the policies past a limit of their namespace.
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

// judged makes policies past a limit invalid.
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

// Plan inserts filters if any route configuration needs one. Only the decoded listener shows which
// filters are its own. The failure policy is Deny if any of the policies that need a filter has it.
func (p inserted[T]) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*listenerv3.Listener] {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	c := p.chains(in)
	if c.key == "" {
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
					on = append(on, use.inChain...)
				}
			}
			return on
		},
	}
}

// insert adds the filters of each configuration to its connection managers. A listener is an error
// if the translation does not contain its routes.
func (p inserted[T]) insert(c *filterChains, l *listenerv3.Listener) error {
	if c.unknown != nil {
		return needsNoRoutes(l)
	}
	needed := func(configuration string) bool {
		use := c.configurations[configuration]
		return use != nil && len(use.inChain) > 0
	}
	return httpfilter.EachHCM(l, needed, func(hcm *hcmv3.HttpConnectionManager) (changed bool, err error) {
		for _, group := range p.positions(c.configurations[xds.RouteConfigurationOf(hcm)].inChain) {
			did, err := p.insertAt(hcm, group)
			if err != nil {
				return false, err
			}
			changed = changed || did
		}
		return changed, nil
	})
}

// positions groups policies by the position of their filters.
func (p inserted[T]) positions(policies []*policy.Object) (groups [][]*policy.Object) {
	index := map[httpfilter.Position]int{}
	for _, o := range policies {
		at := p.position(policy.As[T](o))
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
	filters, err := p.filters(policies)
	if err != nil {
		return false, err
	}
	for _, f := range filters {
		f.Disabled = true
	}
	return httpfilter.Insert(hcm, p.position(policy.As[T](policies[0])), filters...)
}

// filters returns the filters of valid policies.
func (p *filterPolicy[T]) filters(policies []*policy.Object) ([]*hcmv3.HttpFilter, error) {
	filters := make([]*hcmv3.HttpFilter, len(policies))
	for i, o := range policies {
		config, err := p.Config(policy.As[T](o))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
		if filters[i], err = httpfilter.New(p.filterName(o), config); err != nil {
			return nil, fmt.Errorf("%s: %w", o, err)
		}
	}
	return filters, nil
}
