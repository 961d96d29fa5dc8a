package convert

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/envoyfilter"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/internal/typedconfig"
	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Grant is a permission that a namespace needs for objects.
type Grant struct {
	Namespace string
	// Objects are the objects that need it, as Kind namespace/name.
	Objects []string

	rule tenancy.Rule
}

// String returns a line for people to read.
func (g *Grant) String() string {
	return fmt.Sprintf("namespace %s lacks grants for %s", g.Namespace, strings.Join(g.Objects, ", "))
}

// rules returns the operator's rules with the missing grants: only the first rule that matches a
// namespace applies to it.
func (c *collected) rules() (out tenancy.Rules) {
	var own []string
	for _, g := range c.grants {
		out, own = append(out, g.rule), append(own, g.Namespace)
	}
	for _, r := range c.converter.Restrictions.Rules {
		r.Namespaces = slices.DeleteFunc(slices.Clone(r.Namespaces), func(n string) bool { return slices.Contains(own, n) })
		if len(r.Namespaces) > 0 {
			out = append(out, r)
		}
	}
	if len(c.converter.Restrictions.Rules) == 0 {
		out = append(out, tenancy.Rule{Namespaces: []string{"*"}})
	}
	return out
}

// grant records the grant that an object needs.
func (c *collected) grant(o *Object, isForOthers bool) error {
	i := slices.IndexFunc(c.grants, func(g *Grant) bool { return g.Namespace == o.Namespace })
	if i < 0 {
		rule, _, _ := c.converter.Restrictions.Rules.For(o.Namespace)
		rule.Namespaces = []string{o.Namespace}
		rule.Patches, rule.Filters = kindsOf(rule.Patches), slices.Clone(rule.Filters)
		c.grants = append(c.grants, &Grant{Namespace: o.Namespace, rule: rule})
		i = len(c.grants) - 1
	}
	o.NeedsGrant = true
	g := c.grants[i]
	g.Objects = append(g.Objects, o.String())
	return g.add(o, isForOthers)
}

// kindsOf replaces the asterisk, which must be alone, by all kinds of messages.
func kindsOf(patches []string) (out []string) {
	if !slices.Contains(patches, tenancy.AllPatches) {
		return slices.Clone(patches)
	}
	for _, k := range xdsKinds {
		out = append(out, string(k))
	}
	return out
}

// xdsKinds are the kinds of messages that a policy can select.
var xdsKinds = []v1alpha1.XDSKind{
	v1alpha1.XDSListener, v1alpha1.XDSFilterChain, v1alpha1.XDSHTTPConnectionManager, v1alpha1.XDSHTTPFilter, v1alpha1.XDSRouteConfiguration,
	v1alpha1.XDSVirtualHost, v1alpha1.XDSRoute, v1alpha1.XDSCluster, v1alpha1.XDSUpstreamTLS, v1alpha1.XDSDownstreamTLS,
}

// add adds the grants that an object needs, and no others.
func (g *Grant) add(o *Object, isForOthers bool) error {
	rule := &g.rule
	switch content := o.Content.(type) {
	case *v1alpha1.XDSPatchPolicy:
		p := &xdspatch.Policy{XDSPatchPolicy: *content}
		patches, errs := p.Patches()
		if len(errs) > 0 {
			return errs.ToAggregate()
		}
		for i, patch := range patches {
			of := content.Spec.Patches[i].Select
			for _, path := range patch.Sensitive() {
				if !covered(rule.Patches, of, path) {
					rule.Patches = append(rule.Patches, string(of.Kind)+":"+granted(path.String()))
				}
			}
			for _, path := range patch.Writes() {
				if isForOthers && !covered(rule.Patches, of, path) {
					rule.Patches = appendOnce(rule.Patches, string(of.Kind))
				}
			}
		}
	case *v1alpha1.FilterPolicy:
		f, _ := envoyfilter.Of(typedconfig.Name(content.Spec.Filter.TypedConfig.Raw))
		if !slices.Contains(rule.Filters, tenancy.AllFilters) {
			rule.Filters = appendOnce(rule.Filters, f.Name)
		}
	}
	return nil
}

// covered reports whether a grant names a field or one that contains it.
func covered(grants []string, of v1alpha1.XDSSelect, path xdspatch.Path) bool {
	return slices.ContainsFunc(grants, func(g string) bool {
		kind, fields, found := strings.Cut(g, ":")
		if !found || kind != string(of.Kind) {
			return false
		}
		p, err := xdspatch.ParsePath(of, fields)
		return fields == tenancy.AllPatches || err == nil && p.Covers(path)
	})
}

// granted returns a path in the form of a rule. If a key contains a separator of rules or lists,
// the path ends before the key, and the grant covers all keys.
func granted(path string) string {
	if i := strings.IndexAny(path, ",; \t\n\""); i >= 0 {
		if n := strings.LastIndex(path[:i], "["); n >= 0 {
			return path[:n]
		}
	}
	return path
}

func appendOnce(all []string, text string) []string {
	if slices.Contains(all, text) {
		return all
	}
	return append(all, text)
}
