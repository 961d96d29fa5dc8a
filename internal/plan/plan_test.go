package plan

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// planner returns a Planner with the built-in features.
func planner(t *testing.T) *Planner {
	t.Helper()
	features := catalog.Builtin(catalog.Options{})
	e, err := engine.New(features, engine.WithCache(1<<20))
	require.NoError(t, err)
	return &Planner{Engine: e, Features: features, Now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// policyOf returns a policy; year is its creation time, 0 for a policy from a file.
func policyOf(kind, name string, year int, spec string) string {
	created := ""
	if year > 0 {
		created = fmt.Sprintf(`, creationTimestamp: "%d-01-01T00:00:00Z", uid: %s, generation: 3`, year, name)
	}
	return fmt.Sprintf("apiVersion: egraft.io/v1alpha1\nkind: %s\nmetadata: {name: %s, namespace: shop%s}\nspec: {%s}\n", kind, name, created, spec)
}

func on(kind, name string) string {
	return fmt.Sprintf("targetRefs: [{group: gateway.networking.k8s.io, kind: %s, name: %s}], ", kind, name)
}

func buffer(name string, year int, target, limit string) string {
	return policyOf("BufferPolicy", name, year, target+"maxRequestBytes: "+limit)
}

func mtls(name string, year int, target, id string) string {
	return policyOf("BackendMTLSPolicy", name, year, target+"trustDomain: example.org, workloadIdentifier: /"+id+`, peers: [{exact: "spiffe://example.org/cart"}]`)
}

func parsed(t *testing.T, texts ...string) []*objectfile.Object {
	t.Helper()
	all, err := objectfile.Read([]byte(strings.Join(texts, "---\n")), "default")
	require.NoError(t, err)
	return all
}

// record returns a recording of the calls that Envoy Gateway makes for policies.
func record(t *testing.T, p *Planner, policies ...string) *recording.Recording {
	t.Helper()
	content, err := os.ReadFile("testdata/translation.yaml")
	require.NoError(t, err)
	steps, err := callfile.Parse(content)
	require.NoError(t, err)
	r := &recording.Recording{}
	b := &rebuild{planning: &planning{Planner: p}, gateway: "shop/eg"}
	objects := parsed(t, policies...)
	raws := func(h mutator.Hook, refs []xds.Reference) (out [][]byte) {
		for _, o := range objects {
			if b.isSent(o, h, refs, false) {
				out = append(out, o.JSON)
			}
		}
		return out
	}
	call := steps[0].Call
	for l, list := range call.Resources {
		for i, encoded := range list.Encoded {
			if list.Kind != mutator.KindRouteConfiguration {
				continue
			}
			rc := &routev3.RouteConfiguration{}
			require.NoError(t, proto.Unmarshal(encoded, rc))
			for _, vh := range rc.GetVirtualHosts() {
				for j, route := range vh.GetRoutes() {
					own := raws(mutator.HookRoute, xds.References(route.GetMetadata()))
					if len(own) == 0 {
						continue
					}
					raw, err := proto.MarshalOptions{Deterministic: true}.Marshal(route)
					require.NoError(t, err)
					single := &engine.Call{Hook: mutator.HookRoute, Objects: own, Hostnames: vh.GetDomains(), Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}}}
					res, err := p.Engine.Run(t.Context(), single)
					require.NoError(t, err)
					vh.Routes[j] = &routev3.Route{}
					require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], vh.Routes[j]))
					r.Calls = append(r.Calls, &recording.Call{Meta: recording.Meta{ID: fmt.Sprint(len(r.Calls)), Translation: "t"}, Call: single})
				}
			}
			call.Resources[l].Encoded[i], err = proto.MarshalOptions{Deterministic: true}.Marshal(rc)
			require.NoError(t, err)
		}
	}
	call.Objects = raws(mutator.HookTranslation, nil)
	r.Calls = append(r.Calls, &recording.Call{Meta: recording.Meta{ID: "t", Gateway: "shop/eg"}, Call: call})
	return r
}

// TestPlanIsWhatHappens: the configuration that a plan predicts equals the one that Envoy receives
// once the policies exist.
func TestPlanIsWhatHappens(t *testing.T) {
	gateway, a, b := on("Gateway", "eg"), on("HTTPRoute", "a"), on("HTTPRoute", "b")
	shadow := "effect: Shadow, "
	for name, c := range map[string]struct {
		before, apply, remove, after []string
	}{
		"new on a route":               {nil, []string{mtls("p", 0, a, "x")}, nil, []string{mtls("p", 2030, a, "x")}},
		"new on a Gateway":             {nil, []string{mtls("p", 0, gateway, "x")}, nil, []string{mtls("p", 2030, gateway, "x")}},
		"new beside an older":          {[]string{mtls("old", 2020, a, "x")}, []string{mtls("p", 0, a, "y")}, nil, []string{mtls("old", 2020, a, "x"), mtls("p", 2030, a, "y")}},
		"changed, and still the older": {[]string{mtls("p", 2020, a, "x"), mtls("q", 2021, a, "z")}, []string{mtls("p", 0, a, "y")}, nil, []string{mtls("p", 2020, a, "y"), mtls("q", 2021, a, "z")}},
		"other target":                 {[]string{mtls("p", 2020, a, "x")}, []string{mtls("p", 0, b, "x")}, nil, []string{mtls("p", 2020, b, "x")}},
		"from a Gateway to a route":    {[]string{mtls("p", 2020, gateway, "x")}, []string{mtls("p", 0, b, "x")}, nil, []string{mtls("p", 2020, b, "x")}},
		"from a route to a Gateway":    {[]string{mtls("p", 2020, a, "x")}, []string{mtls("p", 0, gateway, "x")}, nil, []string{mtls("p", 2020, gateway, "x")}},
		"deleted":                      {[]string{mtls("p", 2020, a, "x"), buffer("q", 2020, a, "1Mi")}, nil, []string{mtls("p", 0, a, "x")}, []string{buffer("q", 2020, a, "1Mi")}},
		"one deleted, one applied":     {[]string{buffer("p", 2020, gateway, "1Mi")}, []string{buffer("q", 0, a, "2Mi")}, []string{buffer("p", 0, gateway, "1Mi")}, []string{buffer("q", 2030, a, "2Mi")}},
		"two kinds":                    {[]string{buffer("p", 2020, gateway, "1Mi")}, []string{mtls("q", 0, a, "x")}, nil, []string{buffer("p", 2020, gateway, "1Mi"), mtls("q", 2030, a, "x")}},
		"the same once more":           {[]string{buffer("p", 2020, a, "1Mi")}, []string{buffer("p", 0, a, "1Mi")}, nil, []string{buffer("p", 2020, a, "1Mi")}},
		"invalid":                      {nil, []string{mtls("p", 0, a, "x//y")}, nil, []string{mtls("p", 2030, a, "x//y")}},
		"shadow":                       {nil, []string{mtls("p", 0, shadow+a, "x"), mtls("q", 0, shadow+gateway, "x")}, nil, nil},
		"from shadow to enforced":      {[]string{mtls("p", 2020, shadow+a, "x")}, []string{mtls("p", 0, a, "x")}, nil, []string{mtls("p", 2020, a, "x")}},
	} {
		t.Run(name, func(t *testing.T) {
			p := planner(t)
			report, err := p.Plan(t.Context(), record(t, p, c.before...), Changes{parsed(t, c.apply...), parsed(t, c.remove...)})
			require.NoError(t, err)
			require.Empty(t, report.NotSent)
			require.Empty(t, slices.DeleteFunc(report.Failures, func(text string) bool {
				return strings.Contains(text, "x//y") || strings.Contains(text, "workloadIdentifier")
			}))
			after := record(t, p, c.after...)
			res, err := p.Engine.Run(t.Context(), after.Calls[len(after.Calls)-1].Call)
			require.NoError(t, err)
			requireSame(t, res.Resources, report.Gateways[0].after)
			before := record(t, p, c.before...)
			was, err := p.Engine.Run(t.Context(), before.Calls[len(before.Calls)-1].Call)
			require.NoError(t, err)
			require.Equal(t, !isSame(t, was.Resources, res.Resources), report.HasChanges())
		})
	}
}

func requireSame(t *testing.T, want, got []engine.Resources) {
	t.Helper()
	require.True(t, isSame(t, want, got), "%v\n%v", texted(t, want), texted(t, got))
}

func isSame(t *testing.T, a, b []engine.Resources) bool {
	t.Helper()
	return texted(t, a) == texted(t, b)
}

// texted returns the content of resources, independent of the order of maps.
func texted(t *testing.T, lists []engine.Resources) string {
	t.Helper()
	var b strings.Builder
	for _, list := range lists {
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			require.NoError(t, err)
			text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
			require.NoError(t, err)
			fmt.Fprintf(&b, "%s %q\n", list.Kind, text)
		}
	}
	return b.String()
}

// TestNotSent: the report names the custom resources that Envoy Gateway would not send, with the reason.
func TestNotSent(t *testing.T) {
	p := planner(t)
	r := record(t, p)
	report, err := p.Plan(t.Context(), r, Changes{
		Apply: parsed(t,
			buffer("typo", 0, on("HTTPRoute", "aa"), "1Mi"), buffer("elsewhere", 0, on("Gateway", "other"), "1Mi"),
			policyOf("BufferPolicy", "selects", 0, "targetSelectors: [{kind: HTTPRoute}], maxRequestBytes: 1Mi"),
			policyOf("HedgeFilter", "hedge", 0, "perTryTimeout: 100ms"), policyOf("Unknown", "u", 0, "a: b")),
		Delete: parsed(t, buffer("none", 0, "", "1Mi")),
	})
	require.NoError(t, err)
	require.False(t, report.HasChanges())
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, terminal.Style{}))
	require.Equal(t, `No changes. Envoy's configuration does not change.
BufferPolicy shop/typo: not sent: Envoy Gateway would not send it: no call in the recording contains its targets, HTTPRoute shop/aa
BufferPolicy shop/elsewhere: not sent: Envoy Gateway would not send it: no call in the recording contains its targets, Gateway shop/other
BufferPolicy shop/selects: not sent: only Envoy Gateway knows what targetSelectors select: name the targets in targetRefs
HedgeFilter shop/hedge: not sent: no route in the recording refers to it: apply the route first, and plan with later calls
Unknown shop/u: not sent: no enabled feature reads custom resources of this kind and version
BufferPolicy shop/none: not sent: no call in the recording contains it, so there is nothing to delete
`, b.String())
}

// TestText: the text form of a plan, with the outcomes that change.
func TestText(t *testing.T) {
	p := planner(t)
	r := record(t, p, buffer("old", 2020, on("Gateway", "eg"), "1Mi"))
	report, err := p.Plan(t.Context(), r, Changes{Apply: parsed(t, buffer(`"new\u001b[31m"`, 0, on("HTTPRoute", "a"), "2Mi"), buffer("new", 0, on("HTTPRoute", "b"), "3Mi"))})
	require.NoError(t, err)
	var b bytes.Buffer
	require.NoError(t, report.Write(&b, terminal.Style{}))
	require.NotContains(t, b.String(), "\x1b")
	require.Contains(t, b.String(), "Gateway shop/eg\n  # for BufferPolicy shop/old, BufferPolicy shop/new\\x1b[31m, BufferPolicy shop/new; in place: no connection is closed\n")
	require.Contains(t, b.String(), "  ~ RouteConfiguration shop/eg/http\n")
	require.Contains(t, b.String(), "Plan: 0 to add, 1 to change, 0 to remove. Listeners that drain: 0. Clusters that warm: 0.\n")
	require.Contains(t, b.String(), "BufferPolicy shop/old (shop/eg): Programmed → Overridden: ")
	require.Contains(t, b.String(), "BufferPolicy shop/new (shop/eg): Programmed: ")
}

// TestImpact: the predicted effects are those in Envoy's source.
func TestImpact(t *testing.T) {
	listener := func(text string) proto.Message { return message(t, &listenerv3.Listener{}, text) }
	one := "{name: l, statPrefix: s, filterChains: [{name: a}, {name: b}], defaultFilterChain: {name: d}}"
	for name, c := range map[string]struct {
		before, after proto.Message
		drains, warms bool
		message       string
	}{
		"new cluster":              {nil, &clusterv3.Cluster{}, false, true, "new cluster: warms before requests use it"},
		"changed cluster":          {&clusterv3.Cluster{}, &clusterv3.Cluster{Name: "c"}, false, true, "warms again: the previous version serves requests until then; after that, its connections to backends are closed"},
		"removed cluster":          {&clusterv3.Cluster{}, nil, false, false, "its connections to backends are closed"},
		"route":                    {&routev3.RouteConfiguration{}, &routev3.RouteConfiguration{Name: "r"}, false, false, "in place: no connection is closed"},
		"one chain":                {listener(one), listener(strings.Replace(one, "{name: a}", "{name: x}", 1)), true, false, "1 of 3 filter chains drain: their connections are closed after the drain time, others stay"},
		"default chain":            {listener(one), listener(strings.Replace(one, "name: d", "name: x", 1)), true, false, "1 of 3 filter chains drain: their connections are closed after the drain time, others stay"},
		"one chain more":           {listener(one), listener(strings.Replace(one, "{name: a}", "{name: a}, {name: c}", 1)), false, false, "in place: no connection is closed"},
		"other order":              {listener(one), listener(strings.Replace(one, "{name: a}, {name: b}", "{name: b}, {name: a}", 1)), false, false, "in place: no connection is closed"},
		"listener":                 {listener(one), listener(strings.Replace(one, "statPrefix: s", "statPrefix: t", 1)), true, false, "the listener drains: all of its connections are closed after the drain time"},
		"no chain but the default": {listener(one), listener("{name: l, statPrefix: s, defaultFilterChain: {name: d}}"), true, false, "the listener drains: all of its connections are closed after the drain time"},
		"removed listener":         {listener(one), nil, true, false, "the listener drains: all of its connections are closed after the drain time"},
	} {
		require.Equal(t, Impact{c.drains, c.warms, c.message}, impact(c.before, c.after), name)
	}
}

func message(t *testing.T, m proto.Message, text string) proto.Message {
	t.Helper()
	steps, err := callfile.Parse([]byte("hook: Translation\nresources: {Listener: [" + text + "]}"))
	require.NoError(t, err)
	require.NoError(t, proto.Unmarshal(steps[0].Resources[0].Encoded[0], m))
	return m
}

// TestListenerDrains: the plan for a policy that changes a filter chain reports that it drains.
func TestListenerDrains(t *testing.T) {
	p := planner(t)
	report, err := p.Plan(t.Context(), record(t, p), Changes{Apply: parsed(t, buffer("p", 0, on("Gateway", "eg"), "1Mi"))})
	require.NoError(t, err)
	require.Equal(t, Counts{Change: 2, Drain: 1}, report.Count())
	i := slices.IndexFunc(report.Gateways[0].Resources, func(r Resource) bool { return r.Kind == mutator.KindListener })
	require.Equal(t, diff.Changed, report.Gateways[0].Resources[i].Op)
	require.Equal(t, []string{"BufferPolicy shop/p"}, report.Gateways[0].Resources[i].Policies)
	require.True(t, report.Gateways[0].Resources[i].Drains)
}

// TestBootstrap: the routes are inlined into the listeners, where Envoy validates them.
func TestBootstrap(t *testing.T) {
	p := planner(t)
	report, err := p.Plan(t.Context(), record(t, p), Changes{Apply: parsed(t, buffer("p", 0, on("Gateway", "eg"), "1Mi"))})
	require.NoError(t, err)
	before, after, err := report.Gateways[0].Bootstraps()
	require.NoError(t, err)
	text, err := yaml.JSONToYAML(after)
	require.NoError(t, err)
	require.NotContains(t, string(text), "routeConfigName")
	require.Contains(t, string(text), "httproute/shop/a/rule/0/match/0")
	require.Contains(t, string(text), "envoy.filters.http.buffer")
	require.NotContains(t, string(before), "envoy.filters.http.buffer")
}
