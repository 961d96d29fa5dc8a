package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
)

// TestShadowCountsForLimits: the outcome of a policy with the effect Shadow counts all policies for
// the limits of its namespace, as if all were enforced. This does not affect an enforced policy,
// even if the others are older.
func TestShadowCountsForLimits(t *testing.T) {
	e, err := engine.New(catalog.Builtin(catalog.Options{}), engine.WithLimits(tenancy.Limits{AgentSockets: 2}.Excess))
	require.NoError(t, err)
	for name, test := range map[string]struct{ effects, want []string }{
		"newer": {[]string{"", isShadow, isShadow}, []string{"spiffe://example.org/cart Programmed", "cleartext Shadow Programmed", "cleartext Shadow Invalid"}},
		"older": {[]string{isShadow, isShadow, ""}, []string{"cleartext Shadow Programmed", "cleartext Shadow Programmed", "spiffe://example.org/cart Programmed"}},
	} {
		t.Run(name, func(t *testing.T) {
			var clusters []string
			var hosts []*routev3.VirtualHost
			for i, effect := range test.effects { // each on its own route and with its own socket
				name := fmt.Sprintf("c%d", i)
				own := backendPolicy("shop", name, "HTTPRoute", "r", fmt.Sprint(2030+i), fmt.Sprintf(`"peers":[{"exact":"spiffe://example.org/cart"}],"agent":{"socketPath":"/run/%d.sock"}%s`, i, effect))
				clusters = append(clusters, fmt.Sprintf("{name: %s, type: EDS, edsClusterConfig: {edsConfig: {ads: {}, resourceApiVersion: V3}}}", name))
				hosts = append(hosts, hostOf(t, name, routeOf(t, e, "shop", "{cluster: "+name+"}", own)))
			}
			got := translate(t, e, nil, clusters, hosts...)
			var outcomes []string
			for i := range test.effects {
				for _, p := range got.res.Policies {
					if p.Policy.Name == fmt.Sprintf("c%d", i) {
						outcomes = append(outcomes, strings.TrimSpace(fmt.Sprint(got.reaches(t, i), " ", p.Reason, " ", p.Enforced)))
					}
				}
			}
			require.Equal(t, test.want, outcomes)
		})
	}
}
