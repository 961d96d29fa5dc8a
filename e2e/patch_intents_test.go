//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// intent is a change of Envoy's configuration that a user wants.
type intent struct {
	Wish, From string
	// Of is the place of the change, a key of [places].
	Of string
	// Add, Replace and Remove are the operations of an EnvoyPatchPolicy.
	Add, Replace map[string]any
	Remove       []string
	// Egraft is the patches of an XDSPatchPolicy, without their selectors.
	Egraft []map[string]any
	// Shows is in Envoy's configuration only after the change, and Gone only before.
	Shows, Gone string
}

// place is the location of patches: for an EnvoyPatchPolicy a resource and a path, for an
// XDSPatchPolicy a kind of message of a target.
type place struct{ kind, resource, path, selects, target string }

const (
	ofListenerHTTP = "kind: Gateway, name: eg, sectionName: http"
	ofListenerTLS  = "kind: Gateway, name: eg, sectionName: https"
	ofRouteWeb     = "kind: HTTPRoute, name: web"

	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	routesType   = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
)

// places are the values of [intent.Of].
var places = map[string]place{
	"HTTPConnectionManager": {listenerType, xdsListener("http"), "/default_filter_chain/filters/0/typed_config", "HTTPConnectionManager", ofListenerHTTP},
	"Listener":              {listenerType, xdsListener("http"), "", "Listener", ofListenerHTTP},
	"TLSListener":           {listenerType, xdsListener("https"), "", "Listener", ofListenerTLS},
	"FilterChain":           {listenerType, xdsListener("https"), "/filter_chains/0", "FilterChain", ofListenerTLS},
	"DownstreamTLS":         {listenerType, xdsListener("https"), "/filter_chains/0/transport_socket/typed_config", "DownstreamTLS", ofListenerTLS},
	"RouteConfiguration":    {routesType, xdsRoutes("http"), "", "RouteConfiguration", ofListenerHTTP},
	"VirtualHost":           {routesType, xdsRoutes("http"), "/virtual_hosts/0", "VirtualHost", ofListenerHTTP},
	"Route":                 {routesType, xdsRoutes("http"), "/virtual_hosts/0/routes/0", "Route", ofRouteWeb},
	"Cluster":               {clusterType, "httproute/default/web/rule/0", "", "Cluster", ofRouteWeb},
}

// everyPatch grants all fields of all kinds of messages.
const everyPatch = "namespaces=*;patches=Listener:*,FilterChain:*,HTTPConnectionManager:*,RouteConfiguration:*,VirtualHost:*,Route:*,Cluster:*,DownstreamTLS:*,UpstreamTLS:*"

// TestPatchIntents: a policy changes Envoy's configuration in the same way as the EnvoyPatchPolicy
// for the same purpose, and so does the output of egraft convert for the EnvoyPatchPolicy. This is
// still so after routes, listeners and Gateways are added before and after its target.
func TestPatchIntents(t *testing.T) {
	needs(t, here)
	text, err := os.ReadFile("testdata/patch-intents.yaml")
	require.NoError(t, err)
	var intents []intent
	require.NoError(t, yaml.UnmarshalStrict(text, &intents))
	f := startFor(t, 8*time.Minute, standalone.Options{
		MergeGateways: true, Listeners: tlsListeners[:1], Egraft: []string{"--namespace-rules", everyPatch, "--fast-cluster-updates"},
	})
	backend := f.countingBackend(filterBackend)
	f.apply("certificates", certificateSecret(t, "first", mutualHost))
	for host, section := range map[string]string{filteredHost: "http", unfilteredHost: "second", mutualHost: "https"} {
		f.routeOf("eg", host, section, backend.port)
	}
	f.until(filteredHost, "a response", envoy.Status(200))
	before := f.settledFor("the world before", func(all map[string]string) error {
		for _, host := range []string{filteredHost, unfilteredHost, mutualHost} {
			if !strings.Contains(strings.Join(slices.Collect(maps.Values(all)), "\n"), `"`+host+`"`) {
				return fmt.Errorf("no route for %s", host)
			}
		}
		return nil
	})
	converted := f.converted(envoyPatchPolicy(t, intents))

	f.apply("patches", envoyPatchPolicy(t, intents))
	wanted := f.settled("what the EnvoyPatchPolicy makes", intents[len(intents)-1].Shows)
	f.must(f.Delete(f.ctx, "patches"))
	require.Equal(t, before, f.settledAs("the world without the EnvoyPatchPolicy", before))
	f.apply("converted", converted)
	require.Equal(t, wanted, f.settledAs("what the converted policies make", wanted))
	f.must(f.Delete(f.ctx, "converted"))
	require.Equal(t, before, f.settledAs("the world without the converted policies", before))
	f.apply("intents", xdsPatchPolicies(t, intents))
	got := f.settledAs("what the policies make", wanted)
	for _, i := range intents {
		isShown := func(all map[string]string) bool {
			return strings.Contains(strings.Join(slices.Collect(maps.Values(all)), "\n"), i.Shows) &&
				(i.Gone == "" || !strings.Contains(all[i.resource()], i.Gone))
		}
		assert.False(t, isShown(before), "%s is there before", i.Wish)
		assert.True(t, isShown(wanted), "the EnvoyPatchPolicy does nothing for %s", i.Wish)
	}
	require.Equal(t, wanted, got)

	f.surround(backend.port)
	require.Equal(t, ofTarget(wanted), ofTarget(f.settledFor("the target among others", func(all map[string]string) error {
		return sameTarget(wanted, all)
	})))
}

// converted returns the output of egraft convert for an EnvoyPatchPolicy, which must be converted
// completely.
func (f *fixture) converted(policy string) string {
	f.t.Helper()
	dump, err := f.EnvoyAdmin(f.soon(), "/config_dump")
	f.must(err)
	dir := f.t.TempDir()
	f.must(os.WriteFile(filepath.Join(dir, "dump.json"), dump, 0o600))
	f.must(os.WriteFile(filepath.Join(dir, "patches.yaml"), []byte(policy), 0o600))
	out, err := f.egraftCommand(f.soon(), "convert", filepath.Join(dir, "patches.yaml"), "--config-dump", filepath.Join(dir, "dump.json"), "--namespace-rules", everyPatch)
	f.must(err)
	return out
}

// resource returns the key in Envoy's configuration of the resource that an intent changes.
func (i intent) resource() string {
	part := map[string]string{listenerType: "dynamic_listeners", routesType: "dynamic_route_configs", clusterType: "dynamic_active_clusters"}
	return part[places[i.Of].kind] + " " + places[i.Of].resource
}

func envoyPatchPolicy(t *testing.T, intents []intent) string {
	t.Helper()
	var patches []any
	for _, i := range intents {
		p, ok := places[i.Of]
		require.True(t, ok, i.Of)
		add := func(operation object) {
			operation["path"] = p.path + operation["path"].(string)
			patches = append(patches, object{"type": p.kind, "name": p.resource, "operation": operation})
		}
		for _, path := range slices.Sorted(maps.Keys(i.Add)) {
			add(object{"op": "add", "path": path, "value": i.Add[path]})
		}
		for _, path := range slices.Sorted(maps.Keys(i.Replace)) {
			add(object{"op": "replace", "path": path, "value": i.Replace[path]})
		}
		for _, path := range i.Remove {
			add(object{"op": "remove", "path": path})
		}
	}
	return marshalled(t, object{
		"apiVersion": "gateway.envoyproxy.io/v1alpha1", "kind": "EnvoyPatchPolicy", "metadata": object{"name": "intents", "namespace": "default"},
		"spec": object{"type": "JSONPatch", "jsonPatches": patches, "targetRef": object{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "eg"}},
	})
}

// xdsPatchPolicies returns the patches of the intents in as few policies as possible, since the
// number of a namespace's policies in effect is limited.
func xdsPatchPolicies(t *testing.T, intents []intent) string {
	t.Helper()
	byTarget := map[string][]map[string]any{}
	for _, i := range intents {
		p := places[i.Of]
		for _, patch := range i.Egraft {
			patch["select"] = object{"kind": p.selects}
			byTarget[p.target] = append(byTarget[p.target], patch)
		}
	}
	const most = 16 // patches in a policy
	var out []string
	for _, name := range slices.Sorted(maps.Keys(byTarget)) {
		var target object
		require.NoError(t, yaml.Unmarshal([]byte("{group: gateway.networking.k8s.io, "+name+"}"), &target))
		for patches := range slices.Chunk(byTarget[name], most) {
			out = append(out, marshalled(t, object{
				"apiVersion": "egraft.io/v1alpha1", "kind": "XDSPatchPolicy", "metadata": object{"name": fmt.Sprint("intents-", len(out)), "namespace": "default"},
				"spec": object{"targetRefs": []object{target}, "patches": patches},
			}))
		}
	}
	return strings.Join(out, "---\n")
}

func marshalled(t *testing.T, o object) string {
	t.Helper()
	text, err := yaml.Marshal(o)
	require.NoError(t, err)
	return string(text)
}

// routeOf applies a route on one listener of a Gateway.
func (f *fixture) routeOf(gateway, host, section string, port int) {
	f.t.Helper()
	name, _, _ := strings.Cut(host, ".")
	f.apply(name, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: %[5]s, sectionName: %[4]s}]
  hostnames: [%[2]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[3]d}}]}
`, name, host, port, section, gateway))
}

// surround adds routes, listeners and Gateways before and after the target.
func (f *fixture) surround(port int) {
	f.t.Helper()
	for n, name := range []string{"aaa", "zzz"} {
		f.apply("gateway-"+name, fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: %s, namespace: default}
spec:
  gatewayClassName: eg
  listeners: [{name: http, protocol: HTTP, port: %d}, {name: more, protocol: HTTP, port: %d}]
`, name, 8900+2*n, 8901+2*n))
		f.routeOf(name, name+"-own.example.com", "http", port)
		f.routeOf("eg", name+".example.com", "http", port)
	}
	f.until("aaa.example.com", "the route in front", envoy.Status(200))
	f.until("zzz.example.com", "the route behind", envoy.Status(200))
}

// settled waits until Envoy's configuration contains a text, and returns it without egraft's
// metadata.
func (f *fixture) settled(what, shows string) map[string]string {
	f.t.Helper()
	return f.settledFor(what, func(all map[string]string) error {
		if !strings.Contains(strings.Join(slices.Collect(maps.Values(all)), "\n"), shows) {
			return fmt.Errorf("no %s", shows)
		}
		return nil
	})
}

// settledAs waits until Envoy has a configuration, and returns the last one.
func (f *fixture) settledAs(what string, wanted map[string]string) (all map[string]string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	for ctx.Err() == nil {
		if all = f.plainConfiguration(); maps.Equal(all, wanted) {
			break
		}
	}
	return all
}

func (f *fixture) settledFor(what string, is func(map[string]string) error) (all map[string]string) {
	f.t.Helper()
	f.must(f.WaitSettled(f.soon()))
	f.wait(what, func(context.Context) error {
		all = f.plainConfiguration()
		return is(all)
	})
	f.must(f.WaitSettled(f.soon()))
	return f.plainConfiguration()
}

// plainConfiguration returns Envoy's configuration as JSON without spaces and without egraft's
// metadata.
func (f *fixture) plainConfiguration() map[string]string {
	f.t.Helper()
	all, err := f.Configuration(f.soon())
	f.must(err)
	out := map[string]string{}
	for name, text := range all {
		var v any
		f.must(json.Unmarshal([]byte(text), &v))
		plain, err := json.Marshal(withoutNotes(v))
		f.must(err)
		out[name] = string(plain)
	}
	return out
}

func withoutNotes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for k := range v {
			if strings.HasPrefix(k, "egraft.io") {
				delete(v, k)
				continue
			}
			v[k] = withoutNotes(v[k])
		}
	case []any:
		for i := range v {
			v[i] = withoutNotes(v[i])
		}
	}
	return value
}

// ofTarget returns the resources of the listener http, the listener https, and the route web.
func ofTarget(all map[string]string) map[string]string {
	out := map[string]string{}
	for _, name := range []string{"dynamic_listeners " + xdsListener("http"), "dynamic_listeners " + xdsListener("https"), "dynamic_active_clusters httproute/default/web/rule/0"} {
		out[name] = all[name]
	}
	var configuration map[string]any
	if json.Unmarshal([]byte(all["dynamic_route_configs "+xdsRoutes("http")]), &configuration) != nil {
		return out
	}
	hosts, _ := configuration["virtual_hosts"].([]any)
	configuration["virtual_hosts"] = slices.DeleteFunc(hosts, func(h any) bool {
		domains, _ := h.(map[string]any)["domains"].([]any)
		return !slices.Contains(domains, any(filteredHost))
	})
	text, _ := json.Marshal(configuration)
	out["routes"] = string(text)
	return out
}

func sameTarget(wanted, all map[string]string) error {
	if !maps.Equal(ofTarget(wanted), ofTarget(all)) {
		return errors.New("the target is another")
	}
	return nil
}
