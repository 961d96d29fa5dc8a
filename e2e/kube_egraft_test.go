//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// backends are two backends, each of which is valid by itself, and the permissions for them from
// deploy/rbac.
const backends = `
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: one}
spec: {allowedCIDRs: [10.0.0.0/8]}
---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: two}
spec: {allowedCIDRs: [10.0.0.0/8]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: backends}
rules:
- {apiGroups: [egraft.io], resources: [originaldestinationbackends], verbs: [get]}
- {apiGroups: [egraft.io], resources: [originaldestinationbackends/status], verbs: [patch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: backends}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: backends}
subjects: [{kind: ServiceAccount, namespace: default, name: egraft}]
`

// conditionsOfBackend covers the cases in which a valid backend is not in effect, and reads each in
// its status.
func (o *outcomes) conditionsOfBackend() {
	o.apply(backends)
	objects := map[string][]byte{}
	for _, name := range []string{"one", "two"} {
		objects[name] = o.sent(destinationBackends, name)
	}
	e, err := engine.New(catalog.Builtin(catalog.Options{}))
	require.NoError(o.t, err)
	r := o.replica("backends", o.kubeconfig)
	call := func(c *engine.Call) *engine.Response {
		res, err := e.Run(o.t.Context(), c)
		require.NoError(o.t, err)
		r.Publish("", res.Policies)
		return res
	}
	rule := func(action *routev3.RouteAction, names ...string) []byte {
		c := &engine.Call{Hook: mutator.HookRoute, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{o.encode(&routev3.Route{
			Name: "rule", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}}, Action: &routev3.Route_Route{Route: action},
		})}}}}
		for _, name := range names {
			c.Objects = append(c.Objects, objects[name])
		}
		return call(c).Resources[0].Encoded[0]
	}
	single := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}
	weighted := &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
		Clusters: []*routev3.WeightedCluster_ClusterWeight{{Name: "other"}},
	}}}

	rule(single, "one", "two")
	o.untilCondition("one", "False Conflicted OriginalDestinationBackend default/one and OriginalDestinationBackend default/two are backends of one rule")
	rule(weighted, "two")
	o.untilCondition("two", "False ApplyFailed the rule has other backends as well, so Envoy Gateway does not route to this one")
	marked := &routev3.Route{}
	require.NoError(o.t, proto.Unmarshal(rule(single, "one"), marked))
	configuration := o.encode(&routev3.RouteConfiguration{Name: "http", VirtualHosts: []*routev3.VirtualHost{{Name: "all", Domains: []string{"*"}, Routes: []*routev3.Route{marked}}}})
	routes := engine.Resources{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{configuration}}
	call(&engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{routes}})
	o.untilCondition("one", "False ApplyFailed the Translation hook came without resources of kind Listener")
	listeners := engine.Resources{Kind: mutator.KindListener, Encoded: [][]byte{o.encode(&listenerv3.Listener{Name: "tcp"})}}
	call(&engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{listeners, routes}})
	o.untilCondition("one", "True Programmed Envoy connects to the destination in metadata egraft.io:destination, if it is in allowedCIDRs; retries, hedging, load balancing, health checks, outlier detection and session persistence of other policies have no effect on it")
}

func (o *outcomes) encode(m proto.Message) []byte {
	o.t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(o.t, err)
	return b
}

// untilCondition waits until a backend's Programmed condition begins with a text.
func (o *outcomes) untilCondition(name, want string) {
	o.t.Helper()
	o.until(want, func(context.Context) error {
		var got string
		for _, c := range o.conditions(destinationBackends, name) {
			if c.Type == "Programmed" {
				got = fmt.Sprintf("%s %s %s", c.Status, c.Reason, c.Message)
			}
		}
		if !strings.HasPrefix(got, want) {
			return errors.New(got)
		}
		return nil
	})
}

// wholeWay calls a real egraft as Envoy Gateway does.
func (o *outcomes) wholeWay() {
	t := o.t
	programs, err := parts.Prepared("egraft")
	require.NoError(t, err)
	socket := filepath.Join(t.TempDir(), "s")
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "log"), 0o755))
	egraft := process.New(dir, "egraft", programs["egraft"], "serve", "--socket", socket, "--admin-address", "off", "--kubeconfig", o.kubeconfig)
	require.NoError(t, egraft.Start())
	t.Cleanup(func() {
		_ = egraft.Kill()
		if t.Failed() {
			log, _ := os.ReadFile(egraft.Log)
			t.Logf("%s", log)
		}
	})
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	translate := func(object []byte) {
		_, err := extension.NewEnvoyGatewayExtensionClient(conn).PostTranslateModify(t.Context(), &extension.PostTranslateModifyRequest{
			PostTranslateContext: &extension.PostTranslateExtensionContext{ExtensionResources: []*extension.ExtensionResource{{UnstructuredBytes: object}}},
		}, grpc.WaitForReady(true))
		require.NoError(t, err)
	}
	described := func(name string) {
		t.Helper()
		o.until("an Event of policy "+name, func(context.Context) error {
			events := strings.Join(o.eventsOf(name), "\n")
			if !strings.Contains(events, "Warning TargetNotFound") {
				return errors.New(events)
			}
			return nil
		})
	}
	objects := map[string][]byte{}
	for _, name := range []string{"first", "second"} {
		o.apply(fmt.Sprintf(mtlsPolicy, name))
		objects[name] = o.sent(mtlsPolicies, name)
	}
	translate(objects["first"])
	described("first")

	require.NoError(t, o.StopServer())
	began := time.Now()
	for range 100 {
		translate(objects["second"])
	}
	require.Less(t, time.Since(began), 5*time.Second, "calls wait for nothing")
	require.NoError(t, o.StartServer(t.Context()))
	described("second")
}
