package mutator_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

var updateHooks = flag.Bool("update-hooks", false, "write the tables of hooks in docs/write-a-feature.md")

// kindOf returns a kind of custom resource with the given name.
func kindOf(name string) []policy.Kind {
	return []policy.Kind{policy.NewKind[struct{}](schema.GroupVersionKind{Kind: name}, nil)}
}

// hookTable lists the arguments of each hook.
func hookTable() string {
	out := "| hook | called with | custom resources |\n|---|---|---|\n"
	for _, h := range []mutator.Hook{mutator.HookRoute, mutator.HookVirtualHost, mutator.HookHTTPListener, mutator.HookCluster, mutator.HookEndpoints, mutator.HookTranslation} {
		f := mutator.Feature{Hooks: []mutator.Hook{h}, Policies: kindOf("policies"), Filters: kindOf("filters"), Backends: kindOf("backends")}
		var kinds, objects []string
		for _, k := range h.Kinds() {
			kinds = append(kinds, "`"+string(k)+"`")
		}
		for _, k := range f.ObjectsIn(h) {
			objects = append(objects, k.Kind)
		}
		called := "one " + kinds[0]
		if len(kinds) > 1 {
			called = "those of " + strings.Join(kinds, ", ") + " that are included"
		}
		if len(objects) == 0 {
			objects = []string{"none"}
		}
		out += fmt.Sprintf("| %s | %s | %s |\n", h, called, strings.Join(objects, ", "))
	}
	return out
}

// includeTable lists the fields of a feature that include a kind of resource in Translation.
func includeTable() string {
	fields := []struct {
		name string
		mutator.Feature
	}{
		{"Clusters", mutator.Feature{Clusters: mutator.Func[*clusterv3.Cluster]{}}},
		{"ClusterVariants", mutator.Feature{ClusterVariants: struct{ mutator.ClusterVariants }{}}},
		{"Listeners", mutator.Feature{Listeners: mutator.Func[*listenerv3.Listener]{}}},
		{"RouteConfigurations", mutator.Feature{RouteConfigurations: mutator.Func[*routev3.RouteConfiguration]{}}},
		{"NeedsRoutes", mutator.Feature{NeedsRoutes: true}},
		{"Secrets", mutator.Feature{Secrets: mutator.Func[*tlsv3.Secret]{}}},
		{"PrunesSecrets", mutator.Feature{PrunesSecrets: true}},
		{"Additions", mutator.Feature{Additions: struct{ mutator.Adder }{}}},
	}
	out := "| included in Translation | if the feature sets one of |\n|---|---|\n"
	for _, k := range mutator.HookTranslation.Kinds() {
		var names []string
		for _, f := range fields {
			f.Hooks = []mutator.Hook{mutator.HookTranslation}
			if f.Receives(mutator.HookTranslation, k) {
				names = append(names, "`"+f.name+"`")
			}
		}
		out += fmt.Sprintf("| `%s` | %s |\n", k, strings.Join(names, ", "))
	}
	return out
}

// TestHooksPage: the tables match the code.
func TestHooksPage(t *testing.T) {
	const page, begin, end = "../../docs/write-a-feature.md", "<!-- begin: hooks -->\n", "<!-- end: hooks -->"
	text, err := os.ReadFile(page)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	got, after, found := strings.Cut(rest, end)
	require.True(t, found)
	want := hookTable() + "\n" + includeTable()
	if *updateHooks {
		require.NoError(t, os.WriteFile(page, []byte(before+begin+want+end+after), 0o644))
		return
	}
	require.Equal(t, want, got, "write it again with `make generate`")
}
