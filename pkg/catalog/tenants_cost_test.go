package catalog_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestMarksAreSmall: Envoy Gateway generates 16 hostnames × 128 matches xDS routes from an
// HTTPRoute, and sends all of them back. With the largest policy that can be attached to a route,
// they take less than 16 MiB.
func TestMarksAreSmall(t *testing.T) {
	const routes, most = 16 * 128, 16 << 20
	e := builtin(t)
	action := "{cluster: httproute/a/r/rule/0}"
	plain := proto.Size(routeOf(t, e, "a", action))
	largest := 0
	for n := 1; n <= 64; n++ { // random peers, which cannot be compressed
		var peers []string
		for range n {
			var random [500]byte
			_, _ = rand.Read(random[:]) // never fails
			peers = append(peers, `{"exact":"spiffe://example.org/`+hex.EncodeToString(random[:])+`"}`)
		}
		r := routeOf(t, e, "a", action, backendPolicy("a", "p", "HTTPRoute", "r", "2026", `"peers":[`+strings.Join(peers, ",")+`]`))
		if r.GetDirectResponse() == nil {
			largest = max(largest, proto.Size(r))
		}
	}
	require.Greater(t, largest, plain+2000, "what is marked at all")
	require.Less(t, largest*routes, most)

	var labels []string
	for i := range 2000 {
		labels = append(labels, fmt.Sprintf(`"l%d":"%s"`, i, strings.Repeat("v", 60)))
	}
	labeled := backendPolicy("a", "p", "HTTPRoute", "r", "2026", `"peers":[{"exact":"spiffe://example.org/cart"}]`)
	labeled = []byte(strings.Replace(string(labeled), `"metadata":{`, `"metadata":{"labels":{`+strings.Join(labels, ",")+`},`, 1))
	require.Less(t, proto.Size(routeOf(t, e, "a", action, labeled)), plain+1000, "labels stay where they are")

	var many [][]byte
	for i := range 500 {
		many = append(many, backendPolicy("a", fmt.Sprintf("p%d", i), "HTTPRoute", "r", "2026", `"peers":[{"exact":"spiffe://example.org/cart"}]`))
	}
	require.Less(t, proto.Size(routeOf(t, e, "a", action, many...)), plain+2500, "losers are a few names")
}

// TestPolicyThatIsTooLargeForARoute: its route is denied, and the error names the policy.
func TestPolicyThatIsTooLargeForARoute(t *testing.T) {
	var peers []string
	for range 64 {
		var random [100]byte
		_, _ = rand.Read(random[:]) // never fails
		peers = append(peers, `{"exact":"spiffe://example.org/`+hex.EncodeToString(random[:])+`"}`)
	}
	raw := fromYAML(t, &routev3.Route{}, "{name: r, match: {prefix: /}, metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, namespace: a, name: r}]}}}, route: {cluster: c}}")
	res, err := builtin(t).Run(t.Context(), &engine.Call{
		Hook: mutator.HookRoute, Objects: [][]byte{backendPolicy("a", "p", "HTTPRoute", "r", "2026", `"peers":[`+strings.Join(peers, ",")+`]`)},
		Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{raw}}},
	})
	require.NoError(t, err)
	require.Equal(t, engine.Denied, res.Outcomes[0].Result)
	require.Regexp(t, `^BackendMTLSPolicy a/p: takes \d+ bytes on each xDS route of its target, more than the 3072 that a policy may take: use shorter or fewer values$`, res.Outcomes[0].Err.Error())
}

// TestAgentSocketsOfANamespace: policies past the limit of a namespace are denied, the newest
// first, and other namespaces are not affected.
func TestAgentSocketsOfANamespace(t *testing.T) {
	e, err := engine.New(catalog.Builtin(catalog.Options{}), engine.WithLimits(tenancy.Limits{AgentSockets: 2}.Excess))
	require.NoError(t, err)
	cluster := func(name string) string {
		return fmt.Sprintf("{name: %s, type: EDS, edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}}}", name)
	}
	socket := func(n int) string {
		return fmt.Sprintf(`"peers":[{"exact":"spiffe://example.org/cart"}],"agent":{"socketPath":"/run/%d.sock"}`, n)
	}
	clusters, hosts := []string{cluster("victim")}, []*routev3.VirtualHost{hostOf(t, "victim", routeOf(t, e, "victim", "{cluster: victim}"))}
	for i := range 4 {
		name := fmt.Sprintf("evil-%d", i)
		own := backendPolicy("evil", name, "HTTPRoute", "r", fmt.Sprint(2030-i), socket(i)) // the last policy is the oldest
		clusters, hosts = append(clusters, cluster(name)), append(hosts, hostOf(t, name, routeOf(t, e, "evil", "{cluster: "+name+"}", own)))
	}
	got := translate(t, e, [][]byte{backendPolicy("infra", "platform", "Gateway", "eg", "2035", socket(9))}, clusters, hosts...)
	var reached []string
	for i := range hosts {
		reached = append(reached, got.reaches(t, i))
	}
	const cart = "spiffe://example.org/cart"
	require.Equal(t, []string{cart, "rejected", "rejected", cart, cart}, reached)
	require.Equal(t, []string{"infra/platform Programmed", "evil/evil-0 Invalid", "evil/evil-1 Invalid", "evil/evil-2 Programmed", "evil/evil-3 Programmed"}, got.reasons())
}
