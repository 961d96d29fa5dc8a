package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/httpfilter"
	"github.com/egraft/egraft/pkg/xds"
)

// filtersOf returns the names of the filters that operations add.
func filtersOf(policies []*Policy) map[string]bool {
	names := map[string]bool{}
	for _, p := range policies {
		for i := range p.Patches {
			var value struct {
				Name        string          `json:"name"`
				TypedConfig json.RawMessage `json:"typed_config"`
			}
			o := &p.Patches[i].Operation
			if p.Patches[i].Type == listenerType && o.Op == opAdd && json.Unmarshal(o.Value, &value) == nil && value.Name != "" && value.TypedConfig != nil {
				names[value.Name] = true
			}
		}
	}
	return names
}

// madeFilter is a filter that an operation adds to a chain.
type madeFilter struct {
	namespace string
	targets   []gwapiv1.LocalPolicyTargetReferenceWithSectionName
	// envoyName is the name in the operation, and name the one in the policy.
	envoyName, name string
	config          []byte
	position        *v1alpha1.FilterPosition
	// perRoute is the configuration for the targets, nil for the configuration of the filter.
	perRoute []byte
}

func (f *madeFilter) policy() *v1alpha1.FilterPolicy {
	p := &v1alpha1.FilterPolicy{}
	p.Spec.TargetRefs = f.targets
	p.Spec.Filter.Name, p.Spec.Position = f.name, f.position
	_ = p.Spec.Filter.TypedConfig.UnmarshalJSON(f.config) // it is an object with a type
	if f.perRoute != nil {
		p.Spec.PerRoute = &v1alpha1.TypedConfig{}
		_ = p.Spec.PerRoute.UnmarshalJSON(f.perRoute)
	}
	return p
}

// filter converts an operation on the HTTP filters of a chain; done is false for any other operation.
func (j *job) filter(out *collected, places []*place, path []string, isEnd bool) (done bool, err error) {
	at := slices.IndexFunc(places, func(p *place) bool {
		return p.selects.Kind == v1alpha1.XDSHTTPConnectionManager && p.covers(path) && strings.HasPrefix(pointerOf(path)[len(p.pointer):], "/http_filters/")
	})
	if at < 0 {
		return false, nil
	}
	p := places[at]
	rest, _ := tokens(pointerOf(path)[len(p.pointer):])
	hcm, _ := p.msg.(*hcmv3.HttpConnectionManager)
	i, _ := strconv.Atoi(rest[1])
	if j.envoy.isAssumed && isEmpty(j.patch.Operation.JSONPath) && (i > 0 || len(rest) > 2 || isEnd) {
		return true, j.unknown("there is no filter at index %s", rest[1])
	}
	switch op := j.patch.Operation.Op; {
	case len(rest) > 2:
		if i < len(hcm.GetHttpFilters()) && out.madeNow(hcm.GetHttpFilters()[i].GetName()) != nil {
			return true, reject("Edit the FilterPolicy of that filter", "it changes a filter that another operation adds")
		}
		return false, nil
	case op == opRemove && (len(out.added) > 0 || hasEgrafts(hcm)):
		return true, reject("Keep that operation in an EnvoyPatchPolicy, or configure Envoy Gateway not to add the filter", "an XDSPatchPolicy cannot remove a filter from a chain with filters of FilterPolicies")
	case op != opAdd:
		return false, nil
	}
	return true, j.addFilter(out, p, hcm, i)
}

// hasEgrafts reports whether a chain contains a filter that egraft added.
func hasEgrafts(hcm *hcmv3.HttpConnectionManager) bool {
	return slices.ContainsFunc(hcm.GetHttpFilters(), func(f *hcmv3.HttpFilter) bool { return strings.HasPrefix(f.GetName(), "egraft.") })
}

// madeNow returns the filter of the current policy with the name in Envoy.
func (c *collected) madeNow(name string) *madeFilter {
	for _, f := range c.filters {
		if f.envoyName == name {
			return f
		}
	}
	return nil
}

// addFilter makes a FilterPolicy for a filter.
func (j *job) addFilter(out *collected, p *place, hcm *hcmv3.HttpConnectionManager, i int) error {
	value, err := j.patch.Operation.value()
	if err != nil {
		return err
	}
	members, _ := value.(map[string]any)
	name, _ := members["name"].(string)
	config := members["typed_config"]
	if config == nil {
		config = members["typedConfig"]
	}
	switch {
	case members["disabled"] == true:
		return reject("Write a FilterPolicy for the routes that need it (docs/filter-policy.md)", "it adds a disabled filter, and the routes that enable it are unknown")
	case config == nil:
		return reject("Write a FilterPolicy with typedConfig", "the filter has no typed_config, which a FilterPolicy needs")
	}
	targets, err := targetsOf([]*place{p}, func(p *place) []xds.Reference { return p.owners })
	if err != nil {
		return err
	}
	position, err := positionOf(hcm, name, i, j.envoy.isAssumed && !isEmpty(j.patch.Operation.JSONPath))
	if err != nil {
		return err
	}
	for namespace, refs := range byNamespace(targets) {
		f := &madeFilter{namespace: namespace, targets: refs, envoyName: name, name: label(name), config: raw(config), position: position}
		if err := out.valid(v1alpha1.KindFilterPolicy, namespace, f.policy()); err != nil {
			return err
		}
		out.addMade(f)
	}
	return nil
}

// addMade adds a filter. A filter that an operation adds to several chains of a listener becomes one policy.
func (c *collected) addMade(f *madeFilter) {
	for _, other := range c.filters {
		if other.envoyName == f.envoyName && other.namespace == f.namespace && string(other.config) == string(f.config) && equal(other.position, f.position) {
			for _, t := range f.targets {
				if !slices.ContainsFunc(other.targets, func(o gwapiv1.LocalPolicyTargetReferenceWithSectionName) bool { return equal(o, t) }) {
					other.targets = append(other.targets, t)
				}
			}
			return
		}
	}
	for n := 2; slices.ContainsFunc(c.filters, func(o *madeFilter) bool { return o.name == f.name }); n++ {
		f.name = fmt.Sprintf("%s-%d", label(f.envoyName), n)
	}
	c.filters = append(c.filters, f)
	c.note("the filter has another name in Envoy and is disabled except on routes of the targets; requests without a route bypass it", "Read docs/filter-policy.md, Limits")
}

// label turns the name of a filter into one that is valid in a FilterPolicy.
func label(name string) string {
	name = strings.TrimPrefix(name, "envoy.filters.http.")
	out := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name)
	out = strings.Trim(out[:min(len(out), 50)], "-")
	if out == "" {
		return "filter"
	}
	return out
}

// positionOf returns the position in a FilterPolicy for a filter that an operation inserts at an
// index; nil is before the router.
func positionOf(hcm *hcmv3.HttpConnectionManager, name string, i int, isBehindAll bool) (*v1alpha1.FilterPosition, error) {
	var chain []*hcmv3.HttpFilter
	for n, f := range hcm.GetHttpFilters() {
		if f.GetName() == name {
			if n < i {
				i--
			}
			continue // the filter itself: the EnvoyPatchPolicy is in effect
		}
		chain = append(chain, f)
	}
	switch {
	case i < len(chain) && chain[i].GetName() == string(httpfilter.Router):
		return nil, nil //nolint:nilnil // the default
	case i >= len(chain):
		return nil, reject("Insert it before the router", "it inserts a filter after the router, which Envoy rejects")
	case i == 0 && !isBehindAll:
		return &v1alpha1.FilterPosition{At: v1alpha1.FilterFirst}, nil
	}
	want := slices.Insert(slices.Clone(chain), i, &hcmv3.HttpFilter{Name: name})
	var candidates []candidate
	if i > 0 {
		if k := kindOf(chain[i-1].GetName()); k != "" {
			candidates = append(candidates, candidate{&v1alpha1.FilterPosition{After: k}, httpfilter.After(httpfilter.KindOf(chain[i-1].GetName()))})
		}
	}
	if k := kindOf(chain[i].GetName()); k != "" {
		candidates = append(candidates, candidate{&v1alpha1.FilterPosition{Before: k}, httpfilter.Before(httpfilter.KindOf(chain[i].GetName()))})
	}
	for _, c := range candidates {
		if c.makes(chain, name, want) {
			return c.position, nil
		}
	}
	return nil, reject("Write a FilterPolicy with a position relative to a kind of filter (docs/filter-policy.md, Position)", "the filter is not inserted next to a filter of a known kind")
}

type candidate struct {
	position *v1alpha1.FilterPosition
	of       httpfilter.Position
}

// makes reports whether a filter at the position results in the wanted chain.
func (c candidate) makes(chain []*hcmv3.HttpFilter, name string, want []*hcmv3.HttpFilter) bool {
	m := &hcmv3.HttpConnectionManager{HttpFilters: slices.Clone(chain)}
	if _, err := httpfilter.Insert(m, c.of, &hcmv3.HttpFilter{Name: name}); err != nil {
		return false
	}
	return slices.EqualFunc(m.GetHttpFilters(), want, func(a, b *hcmv3.HttpFilter) bool { return proto.Equal(a, b) })
}
