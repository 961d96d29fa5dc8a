package convert

import (
	"fmt"
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"k8s.io/apimachinery/pkg/util/validation/field"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// group is the places that need the same change.
type group struct {
	change change
	places []*place
}

// grouped groups places by their change.
func grouped(all []edited) (out []*group) {
	for _, e := range all {
		i := slices.IndexFunc(out, func(g *group) bool {
			return g.places[0].selects == e.place.selects && equal(g.change, e.change)
		})
		if i < 0 {
			out = append(out, &group{change: e.change, places: []*place{e.place}})
			continue
		}
		out[i].places = append(out[i].places, e.place)
	}
	return out
}

// emit adds the patches for the changes of an operation.
func (j *job) emit(out *collected, all []edited) error {
	var ready []emission
	for _, g := range grouped(all) {
		e, err := j.emission(out, g)
		if err != nil {
			return err
		}
		ready = append(ready, *e)
	}
	for _, e := range ready {
		j.notes(out, e)
		out.patches(e.targets, patchesOf(e.change, e.places[0].selects, e.when), j.gateways())
	}
	return nil
}

// emission returns the patches for a group. Their targets are the owners of the places; for routes
// that no condition can tell apart there, the listeners that serve them.
func (j *job) emission(out *collected, g *group) (*emission, error) {
	targets, err := targetsOf(g.places, func(p *place) []xds.Reference { return p.owners })
	if err != nil {
		return nil, err
	}
	when, err := j.when(g, targets)
	if err != nil && g.places[0].selects.Kind == v1alpha1.XDSRoute {
		var e error
		if targets, e = targetsOf(g.places, func(p *place) []xds.Reference { return p.listeners }); e == nil {
			when, err = j.when(g, targets)
		}
	}
	if err != nil {
		return nil, err
	}
	for namespace, refs := range byNamespace(targets) {
		p := &v1alpha1.XDSPatchPolicy{}
		p.Spec.TargetRefs, p.Spec.Patches = refs[:min(len(refs), maxTargets)], patchesOf(g.change, g.places[0].selects, when)
		if err := out.valid(v1alpha1.KindXDSPatchPolicy, namespace, p); err != nil {
			return nil, err
		}
	}
	return &emission{g, targets, when}, nil
}

// gateways returns the namespaces of the Gateways that an Envoy serves.
func (j *job) gateways() (namespaces []string) {
	if j.envoy.isAssumed {
		return []string{j.policy.Namespace}
	}
	for _, g := range j.envoy.routes.Gateways() {
		namespaces = append(namespaces, g.Namespace)
	}
	return namespaces
}

type emission struct {
	*group
	targets []xds.Reference
	when    string
}

func (j *job) notes(out *collected, e emission) {
	if strings.Contains(e.when, "self.name") {
		out.note("the patch compares a name that Envoy Gateway gives (when), because nothing else tells the resource apart", "Name the rule and target its sectionName, or leave out when if the patch is for all")
	}
	if !j.envoy.isAssumed {
		return
	}
	for _, p := range e.change {
		if p.Merge != nil && strings.Count(string(p.Merge.Raw), "{") > 1 {
			out.note("what else Envoy Gateway sets in the same object stays", "Name what Envoy has by --config-dump to have it compared")
			return
		}
	}
}

// noOwner returns the reason why a message belongs to no Gateway API object that can be a target.
func noOwner(k v1alpha1.XDSKind) error {
	switch k {
	case v1alpha1.XDSCluster, v1alpha1.XDSUpstreamTLS:
		return refuse("Use Envoy Gateway's policy for what the cluster is for, or keep the EnvoyPatchPolicy", "no HTTPRoute or GRPCRoute leads to the cluster, so there is nothing to target")
	case v1alpha1.XDSRoute:
		return refuse("", "Envoy Gateway made the route of no HTTPRoute or GRPCRoute")
	}
	return refuse("Add a route, and take the recording or dump again", "no Gateway listener with a route belongs to the %s", k)
}

// targetsOf returns the objects that places belong to.
func targetsOf(places []*place, of func(*place) []xds.Reference) (targets []xds.Reference, err error) {
	for _, p := range places {
		found := 0
		owners := of(p)
		for _, o := range owners {
			if !slices.Contains([]string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute}, o.Kind) {
				continue
			}
			if o.ListenerSet != "" {
				o.SectionName, o.ListenerSet = "", ""
			}
			found++
			targets = union(targets, []xds.Reference{o})
		}
		if found == 0 {
			return nil, noOwner(p.selects.Kind)
		}
		if owners[0].Kind == xds.KindGateway && slices.ContainsFunc(targets, func(t xds.Reference) bool { return t.Namespace != targets[0].Namespace }) {
			return nil, refuse("Give the Gateways ports of their own", "Gateways of several namespaces share the %s, and a policy is for its own namespace", p.selects.Kind)
		}
	}
	return slices.DeleteFunc(targets, func(t xds.Reference) bool {
		whole := t
		whole.SectionName = ""
		return t.SectionName != "" && slices.Contains(targets, whole)
	}), nil
}

// isOf reports whether a place belongs to one of the targets.
func isOf(p *place, targets []xds.Reference) bool {
	return slices.ContainsFunc(slices.Concat(p.owners, p.listeners), func(o xds.Reference) bool {
		return slices.ContainsFunc(targets, func(t xds.Reference) bool {
			return o.Kind == t.Kind && o.Namespace == t.Namespace && o.Name == t.Name &&
				(t.SectionName == "" || t.SectionName == o.SectionName && o.ListenerSet == "")
		})
	})
}

// when returns a condition that is true for the places of a group and false for all others of the
// targets; empty if there are no others.
func (j *job) when(g *group, targets []xds.Reference) (string, error) {
	if j.envoy.isAssumed {
		return j.assumedWhen(g), nil
	}
	ids := map[string]bool{}
	for _, p := range g.places {
		ids[p.id()] = true
	}
	var others []*place
	for _, p := range j.envoy.places() {
		if p.selects == g.places[0].selects && !ids[p.id()] && isOf(p, targets) {
			others = append(others, p)
		}
	}
	if len(others) == 0 {
		return "", nil
	}
	for _, text := range conditions(g.places, targets[0].Kind == xds.KindGateway) {
		if j.tells(text, g, others) {
			return text, nil
		}
	}
	return "", refuse("Write the patch by hand, with a condition of your own", "nothing tells the %s from %d others of the same target", g.places[0].selects.Kind, len(others))
}

// assumedWhen returns a condition that is true only for the cluster of one rule of a route.
func (j *job) assumedWhen(g *group) string {
	name := g.places[0].of.name
	if i := strings.LastIndex(name, "/rule/"); i >= 0 {
		return "self.name.endsWith(" + quoteCEL(name[i:]) + ")"
	}
	return ""
}

// tells reports whether an expression is true for the places of a group, and false for all others.
func (j *job) tells(text string, g *group, others []*place) bool {
	patch := v1alpha1.XDSPatch{Select: g.places[0].selects, When: text, Remove: g.places[0].msg.ProtoReflect().Descriptor().Fields().Get(0).TextName()}
	compiled, errs := xdspatch.Compile(&patch, field.NewPath("patch"))
	if len(errs) > 0 {
		return false
	}
	is := func(want bool) func(*place) bool {
		return func(p *place) bool {
			got, err := compiled.Matches(j.ctx, p.msg, targetOf(p))
			return err != nil || got != want
		}
	}
	return !slices.ContainsFunc(g.places, is(true)) && !slices.ContainsFunc(others, is(false))
}

// conditions returns expressions that are true for the places, the best ones first.
func conditions(places []*place, isOfGateway bool) (out []string) {
	switch m := places[0].msg.(type) {
	case *listenerv3.Listener:
		out = append(out, "!has(self.udp_listener_config)", "has(self.udp_listener_config)")
	case *listenerv3.FilterChain:
		out = append(out, "self.transport_socket.name != 'envoy.transport_sockets.quic'", "self.transport_socket.name == 'envoy.transport_sockets.quic'")
	case *hcmv3.HttpConnectionManager:
		is := "!="
		if m.GetCodecType() == hcmv3.HttpConnectionManager_HTTP3 {
			is = "=="
		}
		out = append(out, fmt.Sprintf("self.codec_type %s %d", is, hcmv3.HttpConnectionManager_HTTP3), "self.stat_prefix == "+quoteCEL(m.GetStatPrefix()))
	case *routev3.VirtualHost:
		out = append(out, anyOf(places, func(m proto.Message) string {
			domains := m.(*routev3.VirtualHost).GetDomains()
			if len(domains) == 0 {
				return "false"
			}
			return quoteCEL(domains[0]) + " in self.domains"
		}))
	case *routev3.Route:
		match := anyOf(places, func(m proto.Message) string { return matchOf(m.(*routev3.Route).GetMatch()) })
		if isOfGateway {
			own := anyOf(places, func(m proto.Message) string { return isTarget(m.(*routev3.Route)) })
			out = append(out, own, "("+own+") && ("+match+")")
		}
		out = append(out, match)
	}
	return append(out, byName(places))
}

// isTarget returns an expression that is true for messages generated from the same object as a
// route.
func isTarget(r *routev3.Route) string {
	refs := xds.References(r.GetMetadata())
	if len(refs) == 0 {
		return "false"
	}
	return fmt.Sprintf("target.kind == %s && target.namespace == %s && target.name == %s", quoteCEL(refs[0].Kind), quoteCEL(refs[0].Namespace), quoteCEL(refs[0].Name))
}

// targetOf returns the target variable in expressions for a place.
func targetOf(p *place) (t xdspatch.Target) {
	if len(p.owners) > 0 {
		o := p.owners[0]
		t.Kind, t.Namespace, t.Name, t.Section = o.Kind, o.Namespace, o.Name, o.SectionName
	}
	return t
}

// matchOf returns an expression that is true for routes with the path of a match.
func matchOf(m *routev3.RouteMatch) string {
	switch p := m.GetPathSpecifier().(type) {
	case *routev3.RouteMatch_Prefix:
		return "self.match.prefix == " + quoteCEL(p.Prefix)
	case *routev3.RouteMatch_Path:
		return "self.match.path == " + quoteCEL(p.Path)
	case *routev3.RouteMatch_PathSeparatedPrefix:
		return "self.match.path_separated_prefix == " + quoteCEL(p.PathSeparatedPrefix)
	}
	return "false"
}

func anyOf(places []*place, of func(proto.Message) string) string {
	var parts []string
	for _, p := range places {
		if text := of(p.msg); !slices.Contains(parts, text) {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, " || ")
}

// byName returns an expression that compares the name generated by Envoy Gateway.
func byName(places []*place) string {
	fd := places[0].msg.ProtoReflect().Descriptor().Fields().ByName("name")
	if fd == nil || fd.Kind() != protoreflect.StringKind {
		return "false"
	}
	var names []string
	for _, p := range places {
		if name := quoteCEL(p.msg.ProtoReflect().Get(fd).String()); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 1 {
		return "self.name == " + names[0]
	}
	return "self.name in [" + strings.Join(names, ", ") + "]"
}
