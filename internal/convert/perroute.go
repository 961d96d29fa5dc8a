package convert

import (
	"maps"
	"slices"

	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// routeSetting is the configuration on routes for a filter that becomes a FilterPolicy.
type routeSetting struct {
	at        Told
	policy    *Policy
	filter    string // the name in Envoy
	namespace string
	targets   []gwapiv1.LocalPolicyTargetReferenceWithSectionName
	config    []byte
}

// perRoute converts an operation that sets the configuration on routes of a filter that another
// operation adds: the filter gets a new name, so its key changes, too. done is false for any other operation.
func (j *job) perRoute(out *collected, places []*place, path []string) (done bool, err error) {
	i := slices.Index(path, "typed_per_filter_config")
	if i < 0 {
		return false, nil
	}
	settings := map[string]any{}
	value, _ := j.patch.Operation.value()
	if rest := path[i+1:]; len(rest) > 0 {
		settings[rest[0]] = value
	} else if members, ok := value.(map[string]any); ok {
		settings = members
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if !out.added[name] {
			continue
		}
		at := slices.IndexFunc(places, func(p *place) bool { return p.pointer == pointerOf(path[:i]) })
		if len(settings) > 1 || len(path) > i+2 || at < 0 || j.patch.Operation.Op == opRemove {
			return true, reject("Write a FilterPolicy for the route with the same filter and perRoute (docs/filter-policy.md)", "it configures on routes the filter %q, which is now in a FilterPolicy", short(name))
		}
		return true, j.setting(out, places[at], name, settings[name])
	}
	return false, nil
}

func (j *job) setting(out *collected, p *place, name string, config any) error {
	const remedy = "Write a FilterPolicy with the same filter and perRoute for the routes (docs/filter-policy.md)"
	if p.selects.Kind != v1alpha1.XDSRoute { // for a listener, it would not be more specific than the filter's own
		return reject(remedy, "it configures the filter %q, which is now in a FilterPolicy, for more than one route", short(name))
	}
	targets, err := targetsOf([]*place{p}, func(p *place) []xds.Reference { return p.owners })
	if err != nil {
		return err
	}
	if when, err := j.when(&group{places: []*place{p}}, targets); err != nil || when != "" {
		return reject(remedy, "it configures the filter %q, which is now in a FilterPolicy, for only some of the route's listeners, hostnames or matches, but a FilterPolicy applies to all", short(name))
	}
	for namespace, refs := range byNamespace(targets) {
		out.settings = append(out.settings, routeSetting{out.at, out.policy, name, namespace, refs, raw(config)})
	}
	return nil
}

// perRoutes makes policies of the settings: the same filter, for other targets.
func (c *collected) perRoutes() {
	for _, s := range c.settings {
		c.policy, c.at = s.policy, s.at
		i := slices.IndexFunc(c.made, func(f *madeFilter) bool { return f.envoyName == s.filter && f.namespace == s.namespace })
		if i < 0 {
			c.reject(reject("Write a FilterPolicy for the route (docs/filter-policy.md)", "the filter %q is not in a FilterPolicy of the namespace %s", short(s.filter), s.namespace))
			continue
		}
		f := *c.made[i]
		f.targets, f.perRoute = s.targets, s.config
		if err := c.valid(v1alpha1.KindFilterPolicy, s.namespace, f.policy()); err != nil {
			c.reject(err)
			continue
		}
		c.object(v1alpha1.KindFilterPolicy, s.namespace, f.policy(), nil)
	}
}
