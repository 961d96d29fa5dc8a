package explain

import (
	"regexp"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/pkg/mutator"
)

// releases reports whether the change is the one at the end of a translation that points routes to
// renamed clusters. It serves all policies at once.
func (c *change) releases() bool {
	return c.Feature == "" && !c.Shadow && c.effect.Kind == mutator.KindRouteConfiguration && c.Error == ""
}

// onlyActions removes everything from a route configuration that a release cannot change, because
// there can be thousands of routes.
func onlyActions(m proto.Message) {
	rc, ok := m.(*routev3.RouteConfiguration)
	if !ok {
		return
	}
	for _, vh := range rc.GetVirtualHosts() {
		for i, r := range vh.GetRoutes() {
			vh.Routes[i] = &routev3.Route{Name: r.GetName(), Action: r.GetAction()}
		}
	}
}

// jsonString matches a JSON string.
var jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// leading returns the part of such a change that concerns one policy: the routes to its clusters.
func (c *change) leading(clusters map[string]bool) *change {
	out := &change{Change: c.Change, effect: c.effect, result: &diff.Result{Changes: []diff.Change{}, Unchanged: c.result.Unchanged}}
	for _, one := range c.result.Changes {
		if slices.ContainsFunc(jsonString.FindAll(one.New, -1), func(name []byte) bool { return clusters[string(name[1:len(name)-1])] }) {
			out.result.Changes = append(out.result.Changes, one)
		}
	}
	out.empty = len(out.result.Changes) == 0
	return out
}

// own returns the changes of a policy.
func (e *examination) own(s *subject) (out []*change) {
	clusters := map[string]bool{}
	for _, c := range s.changes {
		if c.NewName != "" {
			clusters[c.NewName] = true
		} else if c.CopyOf != "" && c.Op == diff.Added {
			clusters[c.Name] = true
		}
	}
	out = slices.Clone(s.changes)
	for _, c := range e.changes {
		if !c.releases() || len(clusters) == 0 || c.result == nil {
			continue
		}
		if c = c.leading(clusters); !c.empty {
			out = append(out, c)
		}
	}
	return out
}
