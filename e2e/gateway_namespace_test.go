//go:build e2e

package e2e

import (
	"context"
	"errors"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/version"
)

// envoysInGatewayNamespace: with `deploy.type: GatewayNamespace`, Envoy runs in the namespace of
// its Gateway and authenticates to Envoy Gateway with the token of its ServiceAccount. Policies are
// in effect, and `egraft explain` and `egraft doctor` find the Envoys there.
func (c *inCluster) envoysInGatewayNamespace(s *scenario) {
	const namespace = "default"
	s.must(c.Helm(s.ctx, "upgrade", "eg", c.chart(s, "gateway-helm-egraft", version.Release), gatewayNamespace, "--reset-values",
		"--set", "config.envoyGateway.provider.kubernetes.deploy.type=GatewayNamespace", "--take-ownership", "--force-conflicts"))
	s.kubectl(c, "rollout", "restart", gatewayNamespace, gateway)
	c.rolledOut(s)
	s.wait("Envoy in the namespace of its Gateway", func(ctx context.Context) error {
		available, err := c.Kubectl.Run(ctx, "get", "deployments", "--namespace="+namespace, "--selector=gateway.envoyproxy.io/owning-gateway-name=eg",
			"--output=jsonpath={.items[*].status.availableReplicas}")
		if err == nil && strings.TrimSpace(available) != "1" {
			err = errors.New("no replica is available")
		}
		return err
	})
	s.must(c.EnvoysMove(s.ctx, namespace))

	s.routes(echoRoute)
	policy := s.env.Policy()
	s.effect(policy, echoRoute.Host(), seesEnvoy)
	c.policiesStillWork(s)
	out := c.untilExplained(s, c.Kubectl.Kubeconfig, "4 active in Envoy        1 of 1 Envoys have what egraft returned", "backendmtlspolicy/default/"+policy.Name)
	require.Contains(s.t, out, "✔ 3 applied by egraft")
	require.Empty(s.t, problems(c.diagnose(s), doctor.Failed))
}
