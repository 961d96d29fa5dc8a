package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// edit sets the mutator of one resource kind of a feature.
func edit[T proto.Message](f *mutator.Feature, do func(T)) {
	m := mutator.Func[T]{Do: func(_ context.Context, _ *mutator.Input, target T) error {
		do(target)
		return nil
	}}
	switch m := any(m).(type) {
	case mutator.Route:
		f.Routes = m
	case mutator.Listener:
		f.Listeners = m
	case mutator.Cluster:
		f.Clusters = m
	case mutator.Endpoints:
		f.Endpoints = m
	case mutator.Secret:
		f.Secrets = m
	case mutator.RouteConfiguration:
		f.RouteConfigurations = m
	}
}

// hostsMutator returns a mutator of virtual hosts.
func hostsMutator(do func(*routev3.VirtualHost)) mutator.VirtualHost {
	return mutator.Func[*routev3.VirtualHost]{Do: func(_ context.Context, _ *mutator.Input, vh *routev3.VirtualHost) error {
		do(vh)
		return nil
	}}
}

// runEdit runs a feature on one resource and returns its first outcome.
func runEdit(t *testing.T, f mutator.Feature, h mutator.Hook, kind mutator.Kind, resource proto.Message) *engine.Outcome {
	t.Helper()
	f.Name, f.FailurePolicy = "f", mutator.Ignore
	if f.Hooks == nil {
		f.Hooks = []mutator.Hook{h}
	}
	e, err := engine.New([]mutator.Feature{f})
	require.NoError(t, err)
	raw := encode(t, resource)
	res, err := runAndExplain(t, e, &engine.Call{Hook: h, Resources: []engine.Resources{{Kind: kind, Encoded: [][]byte{raw}}}})
	require.NoError(t, err)
	if res.Outcomes[0].Err != nil {
		require.Equal(t, engine.Ignored, res.Outcomes[0].Result)
		require.Equal(t, [][]byte{raw}, res.Resources[0].Encoded)
	}
	return res.Outcomes[0]
}

// TestRenaming: an edit must not rename a resource, since references to it would break. Only a
// feature that renames clusters may do so, in the translation and for clusters only.
func TestRenaming(t *testing.T) {
	for name, c := range map[string]struct {
		hook     mutator.Hook
		kind     mutator.Kind
		resource proto.Message
		feature  func(*mutator.Feature)
	}{
		"route": {mutator.HookRoute, mutator.KindRoute, &routev3.Route{Name: "old", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: &routev3.Route_DirectResponse{DirectResponse: &routev3.DirectResponseAction{Status: 200}}}, func(f *mutator.Feature) {
			edit(f, func(r *routev3.Route) { r.Name = "new" })
		}},
		"virtual host": {mutator.HookVirtualHost, mutator.KindVirtualHost, &routev3.VirtualHost{Name: "old", Domains: []string{"*"}}, func(f *mutator.Feature) {
			f.VirtualHosts = hostsMutator(func(vh *routev3.VirtualHost) { vh.Name = "new" })
		}},
		"listener": {mutator.HookHTTPListener, mutator.KindListener, &listenerv3.Listener{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(l *listenerv3.Listener) { l.Name = "new" })
		}},
		"listener of a translation": {mutator.HookTranslation, mutator.KindListener, &listenerv3.Listener{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(l *listenerv3.Listener) { l.Name = "new" })
		}},
		"cluster of a backend": {mutator.HookCluster, mutator.KindCluster, &clusterv3.Cluster{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(c *clusterv3.Cluster) { c.Name = "new" })
		}},
		"cluster": {mutator.HookTranslation, mutator.KindCluster, &clusterv3.Cluster{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(c *clusterv3.Cluster) { c.Name = "new" })
		}},
		"endpoints": {mutator.HookEndpoints, mutator.KindEndpoints, &endpointv3.ClusterLoadAssignment{ClusterName: "old"}, func(f *mutator.Feature) {
			edit(f, func(e *endpointv3.ClusterLoadAssignment) { e.ClusterName = "new" })
		}},
		"secret": {mutator.HookTranslation, mutator.KindSecret, &tlsv3.Secret{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(s *tlsv3.Secret) { s.Name = "new" })
		}},
		"route configuration": {mutator.HookTranslation, mutator.KindRouteConfiguration, &routev3.RouteConfiguration{Name: "old"}, func(f *mutator.Feature) {
			edit(f, func(rc *routev3.RouteConfiguration) { rc.Name = "new" })
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, renames := range []bool{false, true} {
				if renames && name == "cluster" {
					continue
				}
				var f mutator.Feature
				if renames { // which is also run for the translation
					f = mutator.Feature{RenamesClusters: true, Hooks: []mutator.Hook{c.hook, mutator.HookTranslation}, NeedsRoutes: true, Reporter: reports{mutator.Programmed}}
				}
				c.feature(&f)
				o := runEdit(t, f, c.hook, c.kind, c.resource)
				require.EqualError(t, o.Err, fmt.Sprintf(`renamed the %s from "old" to "new", but nothing refers to the new name`, c.kind))
			}
		})
	}
}

// configuration returns a route configuration with virtual hosts that have the domains.
func configuration(hosts ...string) *routev3.RouteConfiguration {
	rc := &routev3.RouteConfiguration{Name: "rc"}
	for _, h := range hosts {
		rc.VirtualHosts = append(rc.VirtualHosts, &routev3.VirtualHost{Name: "the same", Domains: strings.Split(h, " ")})
	}
	return rc
}

// listenerWith returns a listener whose HTTP connection manager has inline routes, or requests a
// route configuration.
func listenerWith(t *testing.T, rc *routev3.RouteConfiguration, asks string, matches ...string) *listenerv3.Listener {
	t.Helper()
	hcm := &hcmv3.HttpConnectionManager{StatPrefix: "s", RouteSpecifier: &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}}
	if asks != "" {
		hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: asks, ConfigSource: &corev3.ConfigSource{
			ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		}}}
	}
	cfg, err := anypb.New(hcm)
	require.NoError(t, err)
	l := &listenerv3.Listener{Name: "l"}
	if len(matches) == 0 {
		matches = []string{"{}"}
	}
	for i, m := range matches {
		match := &listenerv3.FilterChainMatch{}
		require.NoError(t, protojson.Unmarshal([]byte(m), match))
		l.FilterChains = append(l.FilterChains, &listenerv3.FilterChain{
			Name: string(rune('a' + i)), FilterChainMatch: match,
			Filters: []*listenerv3.Filter{{Name: "envoy.filters.network.http_connection_manager", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: cfg}}},
		})
	}
	return l
}

// TestWhatEnvoyRejects has edits whose results are valid messages. Envoy 1.39.1 with --mode
// validate confirmed which results it rejects.
func TestWhatEnvoyRejects(t *testing.T) {
	const twice, same = "the result is invalid: the domain %q occurs twice, which Envoy rejects", `the result is invalid: the filter chains "a" and "b" match the same connections, which Envoy rejects`
	domain := func(d string) string { return strings.ReplaceAll(twice, "%q", `"`+d+`"`) }
	rc, chains := configuration, func(matches ...string) *listenerv3.Listener { return listenerWith(t, nil, "rc", matches...) }
	inline := func(hosts ...string) *listenerv3.Listener { return listenerWith(t, rc(hosts...), "") }
	for name, c := range map[string]struct {
		from, to proto.Message
		err      string
	}{
		"the same domain":              {rc("x.com", "y.com"), rc("x.com", "x.com"), domain("x.com")},
		"the same in other case":       {rc("x.com", "y.com"), rc("x.com", "X.com"), domain("x.com")},
		"the same suffix":              {rc("*.x.com", "y.com"), rc("*.x.com", "*.X.com"), domain("*.x.com")},
		"the same prefix":              {rc("x.*", "y.com"), rc("x.*", "X.*"), domain("x.*")},
		"any domain":                   {rc("*", "y.com"), rc("*", "y.com *"), domain("*")},
		"in one virtual host":          {rc("x.com"), rc("x.com x.com"), domain("x.com")},
		"other suffixes":               {rc("*x.com"), rc("*x.com", "*.x.com"), ""},
		"other ports":                  {rc("x.com"), rc("x.com", "x.com:80"), ""},
		"the same names":               {rc("x.com"), rc("x.com", "y.com"), ""},
		"was there":                    {rc("x.com", "X.com"), rc("x.com", "X.com", "y.com"), ""},
		"was there, and another":       {rc("x.com", "X.com", "y.com"), rc("x.com", "X.com", "y.com", "y.com"), domain("y.com")},
		"inline":                       {inline("x.com"), inline("x.com", "x.com"), domain("x.com")},
		"inline, was there":            {inline("x.com", "x.com"), inline("x.com", "x.com", "y.com"), ""},
		"no match":                     {chains("{}"), chains("{}", "{}"), same},
		"the same server":              {chains(`{"serverNames":["a"]}`), chains(`{"serverNames":["a"]}`, `{"serverNames":["a"]}`), same},
		"the same server, case":        {chains(`{"serverNames":["a"]}`), chains(`{"serverNames":["a"]}`, `{"serverNames":["A"]}`), same},
		"one server of two":            {chains(`{"serverNames":["a"]}`), chains(`{"serverNames":["a","b"]}`, `{"serverNames":["c","b"]}`), same},
		"a server and any":             {chains(`{"serverNames":["a"]}`), chains(`{"serverNames":["a"]}`, `{}`), ""},
		"another port":                 {chains(`{"serverNames":["a"]}`), chains(`{"serverNames":["a"],"destinationPort":1}`, `{"serverNames":["a"],"destinationPort":2}`), ""},
		"the same network":             {chains(`{}`), chains(`{"sourcePrefixRanges":[{"addressPrefix":"10.0.0.1","prefixLen":8}]}`, `{"sourcePrefixRanges":[{"addressPrefix":"10.0.0.2","prefixLen":8}]}`), same},
		"another network":              {chains(`{}`), chains(`{"sourcePrefixRanges":[{"addressPrefix":"10.0.0.1","prefixLen":8}]}`, `{"sourcePrefixRanges":[{"addressPrefix":"11.0.0.2","prefixLen":8}]}`), ""},
		"no match, was there":          {chains("{}", "{}"), chains("{}", "{}", "{}"), ""},
		"a filter of the same name":    {chains("{}"), doubled(chains("{}")), ""},
		"asks for other routes":        {listenerWith(t, nil, "rc"), listenerWith(t, nil, "other"), `refers to the route configuration "other", which is not in the translation`},
		"inline, leads nowhere":        {inline("x.com"), listenerWith(t, leading(rc("x.com"), "other"), ""), `refers to the cluster "other", which is not in the translation`},
		"leads to a cluster":           {rc("x.com"), leading(rc("x.com"), "there"), ""},
		"leads to one that is added":   {rc("x.com"), leading(rc("x.com"), "added"), ""},
		"leads nowhere":                {rc("x.com"), leading(rc("x.com"), "other"), `refers to the cluster "other", which is not in the translation`},
		"led nowhere":                  {leading(rc("x.com"), "other"), leading(rc("y.com"), "other"), ""},
		"leads nowhere, weighted":      {rc("x.com"), weighted(rc("x.com"), "other"), `refers to the cluster "other", which is not in the translation`},
		"leads nowhere, mirrored":      {rc("x.com"), mirrored(rc("x.com"), 0), `refers to the cluster "mirror", which is not in the translation`},
		"leads nowhere, host mirrors":  {rc("x.com"), mirrored(rc("x.com"), 1), `refers to the cluster "mirror", which is not in the translation`},
		"leads nowhere, whole mirrors": {rc("x.com"), mirrored(rc("x.com"), 2), `refers to the cluster "mirror", which is not in the translation`},
	} {
		t.Run(name, func(t *testing.T) {
			f := mutator.Feature{Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: mutator.Ignore}
			edit(&f, func(l *listenerv3.Listener) { proto.Reset(l); proto.Merge(l, c.to) })
			edit(&f, func(rc *routev3.RouteConfiguration) { proto.Reset(rc); proto.Merge(rc, c.to) })
			add := mutator.Feature{Name: "adds", Hooks: f.Hooks, Additions: adder(func() (mutator.Additions, error) {
				return mutator.Additions{Clusters: []*clusterv3.Cluster{{Name: "added"}}}, nil
			})}
			e, err := engine.New([]mutator.Feature{f, add}, engine.WithCache(1<<20))
			require.NoError(t, err)
			kind := mutator.KindListener
			others := []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("there"))}}}
			if _, ok := c.from.(*routev3.RouteConfiguration); ok {
				kind = mutator.KindRouteConfiguration
			} else {
				others = append(others, engine.Resources{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, rc("x.com"))}})
			}
			before := encode(t, c.from)
			call := &engine.Call{Hook: mutator.HookTranslation, Resources: append(others, engine.Resources{Kind: kind, Encoded: [][]byte{before}})}
			for range 2 { // the second time from the cache
				res, err := runAndExplain(t, e, call)
				require.NoError(t, err)
				now := res.Resources[len(others)].Encoded[0]
				var o *engine.Outcome
				for _, out := range res.Outcomes {
					if out.Kind == kind && (kind != mutator.KindRouteConfiguration || out.Name == "rc") && o == nil {
						o = out
					}
				}
				if c.err == "" {
					require.NoError(t, o.Err)
					require.True(t, proto.Equal(c.to, decoded(t, c.to, now)), "%v", o)
					continue
				}
				require.EqualError(t, o.Err, c.err)
				require.Equal(t, engine.Ignored, o.Result)
				require.Equal(t, before, now)
			}
		})
	}
}

func decoded(t *testing.T, like proto.Message, raw []byte) proto.Message {
	t.Helper()
	m := like.ProtoReflect().New().Interface()
	require.NoError(t, proto.Unmarshal(raw, m))
	return m
}

func doubled(l *listenerv3.Listener) *listenerv3.Listener {
	fc := l.GetFilterChains()[0]
	fc.Filters = append(fc.Filters, fc.GetFilters()...)
	return l
}

func routed(rc *routev3.RouteConfiguration, a *routev3.RouteAction) *routev3.RouteConfiguration {
	rc.VirtualHosts[0].Routes = []*routev3.Route{{
		Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: a},
	}}
	return rc
}

func leading(rc *routev3.RouteConfiguration, cluster string) *routev3.RouteConfiguration {
	return routed(rc, &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: cluster}})
}

func weighted(rc *routev3.RouteConfiguration, cluster string) *routev3.RouteConfiguration {
	return routed(rc, &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
		Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "there", Weight: wrapperspb.UInt32(1)}, {Name: cluster, Weight: wrapperspb.UInt32(1)}},
	}}})
}

func mirrored(rc *routev3.RouteConfiguration, where int) *routev3.RouteConfiguration {
	rc = leading(rc, "there")
	mirror := []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: "mirror"}}
	switch where {
	case 0:
		rc.VirtualHosts[0].Routes[0].GetRoute().RequestMirrorPolicies = mirror
	case 1:
		rc.VirtualHosts[0].RequestMirrorPolicies = mirror
	default:
		rc.RequestMirrorPolicies = mirror
	}
	return rc
}

// TestDomainsOfAVirtualHost: a domain that an edit adds could be in another virtual host, which is
// not in the call.
func TestDomainsOfAVirtualHost(t *testing.T) {
	for to, err := range map[string]string{
		"x.com y.com": "", "x.com": "", "X.com y.com": "",
		"x.com y.com z.com": `added the domain "z.com", which another virtual host may have`,
		"x.com X.com":       `the result is invalid: the domain "x.com" occurs twice, which Envoy rejects`,
	} {
		f := mutator.Feature{VirtualHosts: hostsMutator(func(vh *routev3.VirtualHost) {
			vh.Domains, vh.IncludeAttemptCountInResponse = strings.Split(to, " "), true
		})}
		o := runEdit(t, f, mutator.HookVirtualHost, mutator.KindVirtualHost, &routev3.VirtualHost{Name: "h", Domains: []string{"x.com", "y.com"}})
		if err == "" {
			require.NoError(t, o.Err, to)
		} else {
			require.EqualError(t, o.Err, err)
		}
	}
}

// TestRouteGrowth has mutators that add bytes to a route, which occur as often as the route does.
func TestRouteGrowth(t *testing.T) {
	grow := func(name string, bytes int) mutator.Feature {
		f := mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookRoute}}
		edit(&f, func(r *routev3.Route) {
			r.Metadata = proto.CloneOf(r.GetMetadata())
			if r.Metadata == nil {
				r.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{}}
			}
			r.Metadata.FilterMetadata[name] = &structpb.Struct{Fields: map[string]*structpb.Value{"a": structpb.NewStringValue(strings.Repeat("a", bytes))}}
		})
		return f
	}
	route := &routev3.Route{
		Name: "r", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}
	for name, c := range map[string]struct {
		features []mutator.Feature
		verdicts []engine.Result
		err      string
	}{
		"a little":             {[]mutator.Feature{grow("a", 1000), grow("b", 1000)}, []engine.Result{engine.Applied, engine.Applied}, ""},
		"together too much":    {[]mutator.Feature{grow("a", 2500), grow("b", 2500)}, []engine.Result{engine.Applied, engine.Denied}, "would make the route grow by 5045 bytes, more than the 4096 that policies may add to a route"},
		"too much at once":     {[]mutator.Feature{grow("a", 64<<10), grow("b", 10)}, []engine.Result{engine.Denied}, "would make the route grow by 65566 bytes, more than the 4096 that policies may add to a route"},
		"too much, and others": {[]mutator.Feature{ignoring(grow("a", 64<<10)), grow("b", 10)}, []engine.Result{engine.Ignored, engine.Applied}, "would make the route grow by 65566 bytes, more than the 4096 that policies may add to a route"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New(c.features)
			require.NoError(t, err)
			raw := encode(t, route)
			res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookRoute, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}}})
			require.NoError(t, err)
			require.Equal(t, c.verdicts, verdicts(res))
			now := res.Resources[0].Encoded[0]
			require.LessOrEqual(t, len(now)-len(raw), engine.MaxRouteGrowth)
			for _, o := range res.Outcomes {
				if o.Err != nil {
					require.EqualError(t, o.Err, c.err)
				}
				r := decoded(t, route, now).(*routev3.Route)
				require.Equal(t, c.verdicts[len(c.verdicts)-1] == engine.Denied, r.GetDirectResponse() != nil)
			}
		})
	}
}

func ignoring(f mutator.Feature) mutator.Feature {
	f.FailurePolicy = mutator.Ignore
	return f
}
