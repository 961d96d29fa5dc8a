package attach

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

var labelKind = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Label"}

// label is a policy that writes a word into the cluster's name for statistics.
type label struct {
	Spec struct {
		v1alpha1.PolicyTargets `json:",inline"`
		FailurePolicy          string `json:"failurePolicy"`
		Word                   string `json:"word"`
	} `json:"spec"`
}

// labels is a feature of such policies. The word selects what the edit does: nothing, replace,
// fail.
func labels(onFailure mutator.FailurePolicy) ClusterPolicy[label] {
	return ClusterPolicy[label]{
		Name: "label", Kind: labelKind, OnFailure: onFailure, EDSInitialFetchTimeout: time.Minute,
		Targets: func(l *label) *v1alpha1.PolicyTargets { return &l.Spec.PolicyTargets },
		Validate: func(l *label) (errs field.ErrorList) {
			if l.Spec.Word == "" {
				errs = append(errs, field.Required(field.NewPath("spec", "word"), ""))
			}
			return errs
		},
		Edit: func(l *label, c *clusterv3.Cluster) (Change, error) {
			switch l.Spec.Word {
			case "nothing":
				return Unmodified, nil
			case "fail":
				return Unmodified, errors.New("broken")
			case "replace":
				return Replaced, nil
			}
			c.AltStatName = l.Spec.Word
			return Modified, nil
		},
		Describe: func(l *label, clusters int) string { return fmt.Sprint(l.Spec.Word, " on ", clusters) },
	}
}

// labelled returns policies of the same age, each given as "name kind/target word failurePolicy".
func labelled(t *testing.T, f mutator.Feature, policies ...string) *policy.Set {
	t.Helper()
	var raw [][]byte
	for _, p := range policies {
		w := append(strings.Fields(p), "", "")
		kind, target, _ := strings.Cut(w[1], "/")
		raw = append(raw, fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Label","metadata":{"namespace":"n","name":%q},"spec":{
			"targetRefs":[{"group":"gateway.networking.k8s.io","kind":%q,"name":%q}],"word":%q,"failurePolicy":%q}}`, w[0], kind, target, strings.Trim(w[2], "-"), w[3]))
	}
	set, err := policy.NewSet(f.Policies, raw)
	require.NoError(t, err)
	require.Len(t, set.Of(labelKind), len(policies))
	return set
}

// onRoute returns a policy with its attachment to a route.
func onRoute(t *testing.T, f mutator.Feature, p string) policy.Attachment {
	t.Helper()
	return policy.Attachment{Object: labelled(t, f, p).Of(labelKind)[0], Specificity: policy.ToRoute}
}

// carried returns the entries that the Route hook adds for the policies.
func carried(t *testing.T, winner policy.Attachment, losers ...policy.Attachment) []xds.MetadataEntry {
	t.Helper()
	m, err := mutator.EncodeAttached(&mutator.Input{}, labelKind, winner, losers)
	require.NoError(t, err)
	return []xds.MetadataEntry{m}
}

// lead returns a route to clusters.
func lead(marks []xds.MetadataEntry, to ...string) *routev3.Route {
	a := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: to[0]}}
	for _, c := range to[1:] {
		a.RequestMirrorPolicies = append(a.RequestMirrorPolicies, &routev3.RouteAction_RequestMirrorPolicy{Cluster: c})
	}
	r := &routev3.Route{Action: &routev3.Route_Route{Route: a}}
	for _, m := range marks {
		r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), m)
	}
	return r
}

// listener returns a virtual host of a Gateway's listener.
func listener(t *testing.T, gateway string, routes ...*routev3.Route) *routev3.VirtualHost {
	t.Helper()
	return &routev3.VirtualHost{Routes: routes, Metadata: madeOf(t, "Gateway", gateway)}
}

func madeOf(t *testing.T, kind, name string) *corev3.Metadata {
	t.Helper()
	s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": kind, "namespace": "n", "name": name}}})
	require.NoError(t, err)
	return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
}

// translation returns the input of a translation with clusters.
func translation(objects *policy.Set, hosts ...*routev3.VirtualHost) *mutator.Input {
	c := xds.Configuration{Name: "c"}
	for _, vh := range hosts {
		c.Hosts = append(c.Hosts, xds.NewVirtualHostIndex(vh))
	}
	var all []xds.Configuration
	if len(hosts) > 0 {
		all = append(all, c)
	}
	routes := xds.NewRouteIndex(all)
	return &mutator.Input{Hook: mutator.HookTranslation, Objects: objects, Kinds: []mutator.Kind{mutator.KindCluster}, Routes: func() *xds.RouteIndex { return routes }}
}

// variants returns the variant of each way to a cluster, as "policy: result of the edit".
func variants(t *testing.T, f mutator.Feature, in *mutator.Input, cluster string) (out []string) {
	t.Helper()
	for _, w := range in.Routes().ForCluster(cluster).Ways() {
		out = append(out, edited(t, f.ClusterVariants.PlanVariant(in, w)))
	}
	return out
}

func edited(t *testing.T, v *mutator.Variant) string {
	t.Helper()
	if v == nil {
		return "nothing"
	}
	text := v.Name
	if v.Name != "" {
		c := &clusterv3.Cluster{Name: "c"}
		if err := v.Edit(t.Context(), c); err != nil {
			text += ": " + err.Error() + " " + string(v.OnFailure)
		} else {
			text += ": " + c.GetAltStatName()
		}
	}
	if v.Reject {
		text += " reject"
	}
	return text
}

// TestVariants: which policy is effective for a way, with both failure policies.
func TestVariants(t *testing.T) {
	deny, ignore := labels(mutator.Deny).Feature(), labels(mutator.Ignore).Feature()
	const wrong = ": Label n/%s: spec.word: Required value "
	lost := []xds.MetadataEntry{{Key: mutator.MetadataKey(labelKind), Value: "of another version"}}
	other := []xds.MetadataEntry{{Key: "Label.example.org", Value: "of another version"}}
	for name, c := range map[string]struct {
		feature  mutator.Feature
		policies []string
		entries  []xds.MetadataEntry
		kinds    []mutator.Kind
		want     string
	}{
		"no policy":                        {feature: deny},
		"of the Gateway":                   {feature: deny, policies: []string{"p Gateway/g one"}, want: "n/p: one"},
		"of another Gateway":               {feature: deny, policies: []string{"p Gateway/h one"}},
		"of the route":                     {feature: deny, policies: []string{"p Gateway/g one"}, entries: carried(t, onRoute(t, deny, "q HTTPRoute/r two")), want: "n/q: two"},
		"the first by name":                {feature: deny, policies: []string{"q Gateway/g two", "p Gateway/g one"}, want: "n/p: one"},
		"invalid":                          {feature: deny, policies: []string{"p Gateway/g -", "q Gateway/g two"}, want: "n/p" + fmt.Sprintf(wrong, "p") + "Deny"},
		"invalid and ignored":              {feature: ignore, policies: []string{"p Gateway/g -", "q Gateway/g two"}, want: "n/q: two"},
		"invalid, of its own":              {feature: ignore, policies: []string{"p Gateway/g - Deny", "q Gateway/g two"}, want: "n/p" + fmt.Sprintf(wrong, "p") + "Deny"},
		"all invalid and ignored":          {feature: deny, policies: []string{"p Gateway/g - Ignore"}},
		"fails":                            {feature: ignore, policies: []string{"p Gateway/g fail"}, want: "n/p: broken Ignore"},
		"lost":                             {feature: deny, policies: []string{"p Gateway/g one"}, entries: lost, want: "n/p: one reject"},
		"lost, without another":            {feature: deny, entries: lost, want: " reject"},
		"lost and ignored":                 {feature: ignore, entries: lost},
		"another's":                        {feature: deny, entries: other},
		"of another group":                 {feature: deny, entries: []xds.MetadataEntry{{Key: other[0].Key, Value: carried(t, onRoute(t, deny, "q HTTPRoute/r two"))[0].Value}}},
		"clusters not included":            {feature: deny, policies: []string{"p Gateway/g one"}, kinds: []mutator.Kind{mutator.KindListener}, want: "n/p: one reject"},
		"clusters not included, ignored":   {feature: ignore, policies: []string{"p Gateway/g one"}, kinds: []mutator.Kind{mutator.KindListener}, want: "n/p: one"},
		"clusters not included, no policy": {feature: deny, kinds: []mutator.Kind{mutator.KindListener}},
	} {
		t.Run(name, func(t *testing.T) {
			in := translation(labelled(t, c.feature, c.policies...), listener(t, "g", lead(c.entries, "c")))
			if c.kinds != nil {
				in.Kinds = c.kinds
			}
			require.Equal(t, []string{strings.TrimSpace(c.want)}, trimmed(variants(t, c.feature, in, "c")))
		})
	}
}

func trimmed(all []string) []string {
	for i, s := range all {
		all[i] = strings.TrimSpace(s)
	}
	return all
}

// TestWithoutRoutes: a policy with Deny denies all clusters, because its targets are unknown.
func TestWithoutRoutes(t *testing.T) {
	deny, ignore := labels(mutator.Deny).Feature(), labels(mutator.Ignore).Feature()
	const denied = ": the Translation hook came without resources of kind RouteConfiguration, which egraft config envoy-gateway includes Deny"
	for name, c := range map[string]struct {
		feature  mutator.Feature
		policies []string
		want     string
	}{
		"none":             {deny, nil, "nothing"},
		"denies":           {deny, []string{"p Gateway/g one", "q HTTPRoute/r two"}, "n/q" + denied},
		"is ignored":       {ignore, []string{"p Gateway/g one"}, "nothing"},
		"one of them does": {ignore, []string{"p Gateway/g one", "q Gateway/g two Deny"}, "n/q" + denied},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, edited(t, c.feature.ClusterVariants.PlanVariant(translation(labelled(t, c.feature, c.policies...)), nil)))
		})
	}
}

// TestMoreSpecificOfAPassBefore: a less specific policy does not replace the more specific policy
// of an earlier pass, unless the cluster lacks that policy's configuration.
func TestMoreSpecificOfAPassBefore(t *testing.T) {
	for name, c := range map[string]struct {
		by     policy.Specificity
		verify func(*clusterv3.Cluster) (bool, error)
		want   string
		err    string
	}{
		"more specific":               {policy.ToRule, nil, "q", ""},
		"more specific, and verified": {policy.ToRule, func(*clusterv3.Cluster) (bool, error) { return true, nil }, "q", ""},
		"more specific by its word":   {policy.ToRule, func(*clusterv3.Cluster) (bool, error) { return false, nil }, "p", ""},
		"cannot be verified":          {policy.ToRule, func(*clusterv3.Cluster) (bool, error) { return false, errors.New("no") }, "q", "no"},
		"as specific":                 {policy.ToRoute, nil, "p", ""},
		"less specific":               {policy.ToGateway, nil, "p", ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := labels(mutator.Deny)
			f.Verify = c.verify
			p := &clusterPolicy[label]{ClusterPolicy: f}
			x := &clusterv3.Cluster{Name: "c"}
			q := onRoute(t, f.Feature(), "q HTTPRoute/r q")
			q.Specificity = c.by
			require.NoError(t, p.edit(x, &q))
			by := onRoute(t, f.Feature(), "p HTTPRoute/r p")
			if err := p.edit(x, &by); c.err != "" {
				require.EqualError(t, err, c.err)
			}
			require.Equal(t, c.want, x.GetAltStatName())
		})
	}
	denied := &clusterv3.Cluster{Name: "x"}
	require.NoError(t, xds.DenyCluster(denied))
	before := proto.CloneOf(denied)
	by := onRoute(t, labels("").Feature(), "p HTTPRoute/r p")
	require.NoError(t, (&clusterPolicy[label]{ClusterPolicy: labels("")}).edit(denied, &by))
	require.True(t, proto.Equal(before, denied))
}

// TestReplaced: a replaced cluster gets another name and keeps its endpoints and statistics. A copy
// already has its own name.
func TestReplaced(t *testing.T) {
	f := labels(mutator.Deny)
	p := &clusterPolicy[label]{ClusterPolicy: f}
	copied := xds.CopyName("label", "n/p", "c")
	for name, c := range map[string]struct {
		name, word, service, stat string
		want                      *clusterv3.Cluster
		wait                      time.Duration
	}{
		"replaced":           {"c", "replace", "", "", &clusterv3.Cluster{Name: copied, AltStatName: "c", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "c"}}, 50 * time.Millisecond},
		"with a service":     {"c", "replace", "s", "t", &clusterv3.Cluster{Name: copied, AltStatName: "t", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "s"}}, 50 * time.Millisecond},
		"modified":           {"c", "one", "", "", &clusterv3.Cluster{Name: "c", AltStatName: "one", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}}, time.Minute},
		"a replaced copy":    {copied, "replace", "c", "", &clusterv3.Cluster{Name: copied, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "c"}}, 0},
		"a modified copy":    {copied, "one", "c", "", &clusterv3.Cluster{Name: copied, AltStatName: "one", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "c"}}, 0},
		"nothing to be done": {"c", "nothing", "", "", &clusterv3.Cluster{Name: "c", EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{}}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			x := &clusterv3.Cluster{Name: c.name, AltStatName: c.stat, EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: c.service, EdsConfig: &corev3.ConfigSource{}}}
			c.want.EdsClusterConfig.EdsConfig = &corev3.ConfigSource{}
			xds.SetEDSInitialFetchTimeout(c.want, c.wait)
			by := onRoute(t, f.Feature(), "p HTTPRoute/r "+c.word)
			if c.wait >= 0 {
				setProvenance(c.want, labelKind, &by)
			}
			require.NoError(t, p.edit(x, &by))
			require.True(t, proto.Equal(c.want, x), "%v", x)
		})
	}
}

// TestInterned: a policy that is overridden on one route and effective on another has a single
// object, with content. A policy that is invalid anywhere is invalid everywhere.
func TestInterned(t *testing.T) {
	f := labels(mutator.Deny).Feature()
	p, q := onRoute(t, f, "p HTTPRoute/r one"), onRoute(t, f, "q HTTPRoute/r two")
	c := &clusterPolicy[label]{ClusterPolicy: labels(mutator.Deny), kind: f.Policies[0]}
	in := translation(labelled(t, f, "r Gateway/g -"),
		listener(t, "h", lead(carried(t, q, p), "a"), lead(carried(t, p), "b"), lead(carried(t, p, q, onRoute(t, f, "r HTTPRoute/r one")), "c")),
		listener(t, "g", lead(nil, "a")))
	of := map[string]*policy.Object{}
	c.indexOf(in).each(func(a *policy.Attachment) {
		if of[a.Name] == nil {
			of[a.Name] = a.Object
		}
		require.Same(t, of[a.Name], a.Object)
		require.Equal(t, a.Name == "r", a.Err != nil)
		require.Equal(t, a.Name != "r", a.Content() != nil)
	})
	require.Len(t, of, 3)
}

// TestLimited: policies past a limit are checked once, deny their targets, and change the cache
// key.
func TestLimited(t *testing.T) {
	f := labels(mutator.Deny).Feature()
	p, q := carried(t, onRoute(t, f, "p HTTPRoute/r one")), carried(t, onRoute(t, f, "q HTTPRoute/r two"))
	hosts := []*routev3.VirtualHost{listener(t, "one", lead(p, "a"), lead(q, "a", "b"), lead(nil, "b")), listener(t, "two", lead(q, "b"), lead(p, "a"))}
	none := labelled(t, f)
	free, limited := translation(none, hosts...), translation(none, hosts...)
	var asked []string
	limited.Excess = func(inEffect []*policy.Object) map[*policy.Object]error {
		for _, o := range inEffect {
			asked = append(asked, o.Name)
		}
		return map[*policy.Object]error{inEffect[1]: errors.New("is too much")}
	}
	require.Equal(t, []string{"n/p: one", "n/q: Label n/q: is too much Deny", "n/p: one", "n/q: Label n/q: is too much Deny"},
		append(variants(t, f, limited, "a")[:2], variants(t, f, limited, "a")[2], variants(t, f, limited, "b")[0]))
	require.Equal(t, []string{"p", "q"}, asked)
	for _, w := range free.Routes().ForCluster("a").Ways() {
		before, now := f.ClusterVariants.PlanVariant(free, w), f.ClusterVariants.PlanVariant(limited, limited.Routes().Way(w.Listeners, w.MetadataEntries))
		require.Equal(t, before.Name == "n/q", before.CacheKey != now.CacheKey)
	}
}

// TestRouteHook: the hook adds the policies of a route to its metadata, and holds the route if it
// must not be served without them.
func TestRouteHook(t *testing.T) {
	for name, c := range map[string]struct {
		onFailure mutator.FailurePolicy
		policies  []string
		want      []string // found by the translation
		held      bool
		err       string
	}{
		"denies":                 {mutator.Deny, []string{"p HTTPRoute/r one", "q HTTPRoute/r two"}, []string{"p", "q"}, true, ""},
		"is ignored":             {mutator.Ignore, []string{"p HTTPRoute/r one"}, []string{"p"}, false, ""},
		"denies, of its own":     {mutator.Ignore, []string{"p HTTPRoute/r one Deny"}, []string{"p"}, true, ""},
		"invalid":                {mutator.Deny, []string{"p HTTPRoute/r -", "q HTTPRoute/r two"}, nil, false, "Label n/p: spec.word: Required value"},
		"invalid and ignored":    {mutator.Ignore, []string{"p HTTPRoute/r -", "q HTTPRoute/r two"}, []string{"q"}, false, ""},
		"the second is invalid":  {mutator.Deny, []string{"p HTTPRoute/r one", "q HTTPRoute/r -"}, []string{"p"}, true, ""},
		"nobody":                 {mutator.Deny, []string{"p HTTPRoute/other one"}, nil, false, ""},
		"none":                   {mutator.Deny, nil, nil, false, ""},
		"all invalid and so off": {mutator.Ignore, []string{"p HTTPRoute/r -"}, nil, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := labels(c.onFailure).Feature()
			in := &mutator.Input{Hook: mutator.HookRoute, Objects: labelled(t, f, c.policies...)}
			plan := f.Routes.Plan(in, view{madeOf(t, "HTTPRoute", "r")})
			if plan == nil {
				require.Empty(t, c.want)
				require.Empty(t, c.err)
				return
			}
			r := lead(nil, "c")
			if err := plan.Edit(t.Context(), r); c.err != "" {
				require.EqualError(t, err, c.err)
				require.Equal(t, mutator.Deny, plan.OnFailure)
				return
			}
			var names []string
			for _, m := range xds.MetadataEntries(r.GetMetadata()) {
				for _, a := range mutator.DecodeAttached(in, f.Policies[0], m) {
					names = append(names, a.Name)
				}
			}
			require.Equal(t, c.want, names)
			require.Equal(t, c.held, r.GetRoute().GetCluster() != "c")
		})
	}
}

// view is a resource that Envoy Gateway generated from objects.
type view struct{ md *corev3.Metadata }

func (view) Name() string                  { return "x" }
func (v view) References() []xds.Reference { return xds.References(v.md) }
