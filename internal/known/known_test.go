package known_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/wiring"
)

var kind = wiring.Kind{Group: "egraft.io", Version: "v1alpha1", Kind: "BufferPolicy"}

// config returns an Envoy Gateway configuration with additional fields.
func config(t *testing.T, more string) *wiring.Config {
	t.Helper()
	c, err := wiring.Parse([]byte("kind: EnvoyGateway\n" + more))
	require.NoError(t, err)
	return c
}

const wired = "extensionManager: {policyResources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}\n"

// facts returns the facts of a known policy.
func facts(t *testing.T, edit func(*known.Facts)) *known.Facts {
	f := &known.Facts{
		Kind: kind, Namespace: "shop", Name: "buffer", Installed: known.There, Exists: known.There, Generation: 2,
		Ancestors: []known.Ancestor{accepted(2, metav1.ConditionTrue)},
		Config:    config(t, wired), Needs: &wiring.Needs{Policies: []wiring.Kind{kind}},
	}
	if edit != nil {
		edit(f)
	}
	return f
}

func accepted(generation int64, status metav1.ConditionStatus) known.Ancestor {
	return known.Ancestor{Gateway: "shop/eg", Conditions: []metav1.Condition{
		{Type: "Other", Status: metav1.ConditionFalse},
		{Type: "Accepted", Status: status, ObservedGeneration: generation, Reason: "Conflicted", Message: "an older\x1b[2J one"},
	}}
}

func TestJudge(t *testing.T) {
	old := wiring.Kind{Group: kind.Group, Version: "v1", Kind: kind.Kind}
	for _, test := range []struct {
		name, want string
		failed     bool
		edit       func(*known.Facts)
	}{
		{"known", "exists, generation 2 observed by Envoy Gateway; kind configured", false, nil},
		{"no CRD", "EGR101 the API server does not serve BufferPolicy.v1alpha1.egraft.io", true, func(f *known.Facts) { f.Installed, f.Exists = known.Absent, known.Unknown }},
		{
			"not there", "EGR102 BufferPolicy shop/buffer does not exist: did you mean shop/buffers?", true,
			func(f *known.Facts) { f.Exists, f.Near, f.Generation = known.Absent, []string{"shop/buffers"}, 0 },
		},
		{
			"kind is missing", "EGR103 extensionManager.policyResources of Envoy Gateway's configuration lacks BufferPolicy.v1alpha1.egraft.io", true,
			func(f *known.Facts) { f.Config = config(t, "extensionManager: {name: egraft}") },
		},
		{
			"another version", "EGR103 extensionManagers[1].policyResources of Envoy Gateway's configuration lacks BufferPolicy.v1.egraft.io", true,
			func(f *known.Facts) {
				f.Config = config(t, "extensionManagers: [{name: other}, {policyResources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}]")
				f.Kind, f.Needs = old, &wiring.Needs{Policies: []wiring.Kind{old}}
			},
		},
		{
			"among filters", "EGR103 extensionManager.policyResources of Envoy Gateway's configuration lacks BufferPolicy.v1alpha1.egraft.io", true,
			func(f *known.Facts) {
				f.Config = config(t, "extensionManager: {resources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}")
			},
		},
		{"not wired", "EGR502 Envoy Gateway's configuration has no extension manager for egraft", true, func(f *known.Facts) { f.Config = config(t, "") }},
		{
			"namespace", "EGR104 namespace shop is not among provider.kubernetes.watch.namespaces of Envoy Gateway's configuration", true,
			func(f *known.Facts) {
				f.Config = config(t, wired+"provider: {kubernetes: {watch: {type: Namespaces, namespaces: [other]}}}")
			},
		},
		{
			"labels of the namespace", "EGR104 namespace shop does not have the labels of provider.kubernetes.watch.namespaceSelector: team=a", true,
			func(f *known.Facts) {
				f.Config = config(t, wired+"provider: {kubernetes: {watch: {type: NamespaceSelector, namespaceSelector: {matchLabels: {team: a}}}}}")
				f.NamespaceLabels = map[string]string{"team": "b"}
			},
		},
		{
			"namespace is right", "exists, generation 2 observed by Envoy Gateway; kind configured", false,
			func(f *known.Facts) {
				f.Config = config(t, wired+"provider: {kubernetes: {watch: {namespaces: [shop], namespaceSelector: {matchLabels: {team: a}}}}}")
				f.NamespaceLabels = map[string]string{"team": "a"}
			},
		},
		{
			"generation", "EGR105 Envoy Gateway has processed generation 1 of BufferPolicy shop/buffer for Gateway shop/eg, which is at generation 2", true,
			func(f *known.Facts) { f.Ancestors = []known.Ancestor{accepted(1, metav1.ConditionTrue)} },
		},
		{
			"not accepted", `EGR106 Envoy Gateway does not accept BufferPolicy shop/buffer for Gateway shop/eg: Conflicted: an older\x1b[2J one`, true,
			func(f *known.Facts) { f.Ancestors = []known.Ancestor{accepted(2, metav1.ConditionFalse)} },
		},
		{"no status", "EGR107 Envoy Gateway has written no status for BufferPolicy shop/buffer", false, func(f *known.Facts) { f.Ancestors = nil }},
		{
			"an old release", "EGR513 Envoy Gateway before v1.9 does not send policies that target routes, and this is v1.8.0: BufferPolicy shop/buffer has no effect on HTTPRoute web", true,
			func(f *known.Facts) { f.Release, f.RouteTargets = "v1.8.0", []string{"HTTPRoute web"} },
		},
		{
			"an old release, and a Gateway", "EGR513 Envoy Gateway before v1.9 does not send policies that target routes, and this is v1.8.0: BufferPolicy shop/buffer has no effect on HTTPRoute web", false,
			func(f *known.Facts) {
				f.Release, f.RouteTargets, f.OtherTargets = "v1.8.0", []string{"HTTPRoute web"}, true
			},
		},
		{"a release that sends them", "exists, generation 2 observed by Envoy Gateway; kind configured", false, func(f *known.Facts) {
			f.Release, f.RouteTargets = "v1.9.0", []string{"HTTPRoute web"}
		}},
		{"filters have no status", "exists, generation 2; kind configured", false, func(f *known.Facts) {
			f.Ancestors, f.Needs, f.Config = nil, &wiring.Needs{Filters: []wiring.Kind{kind}}, config(t, "extensionManager: {resources: [{group: egraft.io, version: v1alpha1, kind: BufferPolicy}]}")
		}},
		{"files have no status", "exists; kind configured", false, func(f *known.Facts) { f.Ancestors, f.Generation = nil, 0 }},
		{"only the configuration", "kind configured; not examined: forbidden", false, func(f *known.Facts) {
			f.Exists, f.Installed, f.Missing = known.Unknown, known.Unknown, []string{"forbidden"}
		}},
		{"nothing", "not examined: forbidden; no file", false, func(f *known.Facts) {
			*f = known.Facts{Kind: kind, Namespace: "shop", Name: "buffer", Missing: []string{"forbidden", "no file"}}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := known.Judge(facts(t, test.edit))
			got := v.Summary
			if len(v.Problems) > 0 {
				require.Len(t, v.Problems, 1)
				require.Equal(t, v.Problems[0].Message, v.Summary)
				got = v.Problems[0].Code.ID + " " + got
			}
			require.Equal(t, test.want, got)
			require.Equal(t, test.failed, v.Failed())
			require.Equal(t, !strings.Contains(test.want, "not examined"), v.Examined)
		})
	}
}
