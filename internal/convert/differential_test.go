package convert_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/convert"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/render"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

var protoNames = protojson.MarshalOptions{UseProtoNames: true, Resolver: envoyapi.Types{}}

var kinds = map[string]mutator.Kind{
	"type.googleapis.com/envoy.config.listener.v3.Listener":        mutator.KindListener,
	"type.googleapis.com/envoy.config.route.v3.RouteConfiguration": mutator.KindRouteConfiguration,
	"type.googleapis.com/envoy.config.cluster.v3.Cluster":          mutator.KindCluster,
}

// TestConvertedIntents: for each EnvoyPatchPolicy of e2e/testdata/patch-intents.yaml, the converted
// policies have the same effect on the dump as the EnvoyPatchPolicy has in Envoy Gateway's library.
func TestConvertedIntents(t *testing.T) {
	intents := readIntents(t)
	for _, i := range intents {
		t.Run(i.Wish, func(t *testing.T) { differential(t, envoyPatchPolicy(t, i)) })
	}
	t.Run("all at once", func(t *testing.T) { differential(t, envoyPatchPolicy(t, intents...)) })
}

// TestConvertedCases: the same for cases of TestConvert that can be converted completely.
func TestConvertedCases(t *testing.T) {
	for _, name := range []string{"fields", "lists", "routes"} {
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile("testdata/" + name + "/in.yaml")
			require.NoError(t, err)
			differential(t, text)
		})
	}
}

// TestConvertedInEffect: a dump taken with the EnvoyPatchPolicy in effect is converted to policies
// that have the same effect without it.
func TestConvertedInEffect(t *testing.T) {
	text := envoyPatchPolicy(t, readIntents(t)...)
	policies, _, err := convert.Read(text, "default")
	require.NoError(t, err)
	want := resources(t, dump(t))
	for _, p := range policies {
		for i := range p.Patches {
			patched(t, want, &p.Patches[i])
		}
	}
	result := converter(t, worldOf(t, want)).Convert(t.Context(), policies)
	require.True(t, result.IsComplete(), told(result))
	got := rendered(t, result)
	for name := range want {
		assert.JSONEq(t, want[name], got[name], name)
	}
}

// worldOf returns a world of resources by kind and name.
func worldOf(t *testing.T, all map[string]string) *convert.World {
	t.Helper()
	var lists []engine.Resources
	for key, text := range all {
		kind, _, _ := strings.Cut(key, " ")
		m, err := callfile.NewMessage(mutator.Kind(kind))
		require.NoError(t, err)
		require.NoError(t, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal([]byte(text), m))
		raw, err := proto.Marshal(m)
		require.NoError(t, err)
		lists = append(lists, engine.Resources{Kind: mutator.Kind(kind), Encoded: [][]byte{raw}})
	}
	w := &convert.World{}
	require.NoError(t, w.Add(lists))
	return w
}

// differential compares the effect of the EnvoyPatchPolicy with the effect of its conversion.
func differential(t *testing.T, text []byte) {
	t.Helper()
	policies, _, err := convert.Read(text, "default")
	require.NoError(t, err)
	result := converter(t, world(t)).Convert(t.Context(), policies)
	require.True(t, result.IsComplete(), told(result))
	want := resources(t, dump(t))
	for _, p := range policies {
		for i := range p.Patches {
			patched(t, want, &p.Patches[i])
		}
	}
	got := rendered(t, result)
	for name := range want {
		assert.JSONEq(t, want[name], got[name], name)
	}
	assert.Len(t, got, len(want))
}

func resources(t *testing.T, d *render.Dump) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, list := range d.Resources() {
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			require.NoError(t, err)
			name, err := callfile.NameOf(list.Kind, raw)
			require.NoError(t, err)
			text, err := protoNames.Marshal(m)
			require.NoError(t, err)
			out[string(list.Kind)+" "+name] = string(text)
		}
	}
	return out
}

// patched applies an operation as Envoy Gateway does.
func patched(t *testing.T, all map[string]string, p *convert.Patch) {
	t.Helper()
	key := string(kinds[p.Type]) + " " + p.Name
	require.Contains(t, all, key)
	operation, err := json.Marshal([]any{object{"op": p.Operation.Op, "path": p.Operation.Path, "value": p.Operation.Value}})
	require.NoError(t, err)
	patch, err := jsonpatch.DecodePatch(operation)
	require.NoError(t, err)
	options := jsonpatch.NewApplyOptions()
	options.EnsurePathExistsOnAdd = true
	text, err := patch.ApplyWithOptions([]byte(all[key]), options)
	require.NoError(t, err)
	m, err := callfile.NewMessage(kinds[p.Type])
	require.NoError(t, err)
	require.NoError(t, protojson.UnmarshalOptions{Resolver: envoyapi.Types{}}.Unmarshal(text, m))
	text, err = protoNames.Marshal(m)
	require.NoError(t, err)
	all[key] = string(text)
}

// rendered applies the objects of a result to the dump, with the grants that the result requires.
func rendered(t *testing.T, result *convert.Result) map[string]string {
	t.Helper()
	parsed, err := tenancy.ParseRules(cmp.Or(result.Rules.String(), "namespaces=*"))
	require.NoError(t, err)
	require.Empty(t, parsed.Validate(nil))
	features := catalog.Restrict(catalog.Builtin(catalog.Options{}), tenancy.Restrictions{Rules: parsed, Limits: tenancy.DefaultLimits()})
	e, err := engine.New(features)
	require.NoError(t, err)
	in := &render.Input{Dump: dump(t)}
	for _, o := range result.Objects {
		text, err := o.YAML()
		require.NoError(t, err)
		read, err := objectfile.Read(text, "")
		require.NoError(t, err)
		in.Objects = append(in.Objects, read...)
	}
	out, err := (&render.Renderer{Engine: e, Features: features}).Render(t.Context(), in)
	require.NoError(t, err)
	require.Empty(t, out.Failures)
	for _, p := range out.Policies {
		require.Equal(t, string(mutator.Programmed), p.Reason, fmt.Sprint(p))
	}
	all := map[string]string{}
	for _, r := range out.Resources {
		if r.After == nil {
			continue
		}
		text, err := protoNames.Marshal(r.After)
		require.NoError(t, err)
		all[string(r.Kind)+" "+r.Name] = withoutNotes(t, string(text))
	}
	return all
}

// withoutNotes removes egraft's metadata from JSON.
func withoutNotes(t *testing.T, text string) string {
	t.Helper()
	var v any
	require.NoError(t, json.Unmarshal([]byte(text), &v))
	out, err := json.Marshal(plain(v))
	require.NoError(t, err)
	return string(out)
}

func plain(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			if strings.HasPrefix(k, "egraft.io") {
				delete(v, k)
				continue
			}
			v[k] = plain(v[k])
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return value
}

// TestConvertedFilters: the FilterPolicies of a case put the filters at the same positions as the
// EnvoyPatchPolicy.
func TestConvertedFilters(t *testing.T) {
	text, err := os.ReadFile("testdata/filters/in.yaml")
	require.NoError(t, err)
	policies, _, err := convert.Read(text, "default")
	require.NoError(t, err)
	result := converter(t, world(t)).Convert(t.Context(), policies)
	got := rendered(t, result)
	require.Equal(t, []string{"csrf", "cors", "jwt_authn", "lua", "lua of admin", "ratelimit", "com.example/Adaptive", "router"}, chain(t, got["Listener default/eg/http"], result))
	require.Equal(t, []string{"csrf", "router"}, chain(t, got["Listener default/eg/https"], result))
}

// chain returns the filters of a listener. Filters of policies have the names that the operations give them.
func chain(t *testing.T, listener string, result *convert.Result) (names []string) {
	t.Helper()
	given := map[string]string{"filters": "csrf", "filters-2": "lua", "filters-3": "com.example/Adaptive", "filters-4": "lua of admin"}
	_, text, found := strings.Cut(listener, `"http_filters":`)
	require.True(t, found, listener)
	var filters []struct{ Name string }
	require.NoError(t, json.NewDecoder(strings.NewReader(text)).Decode(&filters))
	for _, f := range filters {
		name := strings.TrimPrefix(f.Name, "envoy.filters.http.")
		if _, own, is := strings.Cut(name, "egraft.io/filter-policy/default/"); is {
			name = given[own]
		}
		names = append(names, name)
	}
	return names
}

// TestOtherNames: the result with the name scheme XDSNameSchemeV2 is the same, because it does not
// depend on names.
func TestOtherNames(t *testing.T) {
	renamed := strings.NewReplacer(
		"route_config_name: default/eg/https", "route_config_name: https-10443/default/eg", "route_config_name: default/eg/http", "route_config_name: http-10080",
		"name: default/eg/https-quic", "name: udp-10443", "name: default/eg/https/web", "name: default/eg/https/web", "name: default/eg/http/web", "name: web",
		"name: default/eg/second/cart", "name: cart", "name: default/eg/https\n", "name: tcp-10443\n", "name: default/eg/http\n", "name: tcp-10080\n",
	).Replace
	policy := func(listener, configuration string) string {
		return `{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: EnvoyPatchPolicy, metadata: {name: a, namespace: default}, spec: {type: JSONPatch, targetRef: {kind: GatewayClass, name: eg}, jsonPatches: [
{type: type.googleapis.com/envoy.config.listener.v3.Listener, name: "` + listener + `", operation: {op: add, path: /default_filter_chain/filters/0/typed_config/max_request_headers_kb, value: 96}},
{type: type.googleapis.com/envoy.config.route.v3.RouteConfiguration, name: "` + configuration + `", operation: {op: add, path: /virtual_hosts/0/routes/1/route/timeout, value: 5s}}]}}`
	}
	text, err := os.ReadFile("testdata/dump.yaml")
	require.NoError(t, err)
	in := &render.Input{}
	// Names of route configurations are prefixed with route_config:, those of listeners with listener:.
	other := strings.Replace(renamed(string(text)), "RouteConfiguration\n      name: tcp-10080\n", "RouteConfiguration\n      name: http-10080\n", 1)
	require.NoError(t, in.Read([]byte(other)))
	w := &convert.World{}
	require.NoError(t, w.Add(in.Dump.Resources()))
	converted := func(w *convert.World, policy string) string {
		policies, _, err := convert.Read([]byte(policy), "default")
		require.NoError(t, err)
		result := converter(t, w).Convert(t.Context(), policies)
		require.Empty(t, result.Told)
		out, err := result.Write()
		require.NoError(t, err)
		return string(out)
	}
	want := converted(world(t), policy("default/eg/http", "default/eg/http"))
	require.Contains(t, want, "sectionName: http\n")
	require.Equal(t, want, converted(w, policy("tcp-10080", "http-10080")))
}
