//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
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
	report := c.diagnose(s)
	require.Empty(s.t, problems(report, doctor.Failed))
	entries := report.Checks[slices.IndexFunc(report.Checks, func(r doctor.Result) bool { return r.Name == "RegistrationEntries" })]
	require.Contains(s.t, entries.Note, "whoever can create pods in "+namespace)
	require.Contains(s.t, entries.Lines[0], "-selector k8s:ns:"+namespace)
	c.podIsEnvoy(s)
}

// podIsEnvoy: docs/security-model.md warns that a pod in the namespace of a Gateway can have Envoy's
// identity, if its labels and the name of its container are as in the SPIRE entry. This one is a
// backend.
func (c *inCluster) podIsEnvoy(s *scenario) {
	content, err := os.ReadFile("../deploy/demo/backend.yaml")
	s.must(err)
	pod := strings.NewReplacer("- name: echo", "- name: envoy", "name: echo", "name: impostor", "serviceAccountName: echo", "serviceAccountName: impostor",
		"labels:\n        app: echo", "labels: {app: impostor, gateway.envoyproxy.io/owning-gateway-name: eg}", "app: echo", "app: impostor").Replace(string(content))
	account, rest, _ := strings.Cut(pod, "\n---\n")
	deployment, _, _ := strings.Cut(rest, "\n---\n")
	route := manifest.Route{Name: "impostor", App: "impostor"}
	s.applied = append(s.applied, "impostor")
	s.must(s.env.Apply(s.ctx, "impostor", strings.Join([]string{account, deployment, route.YAML()}, "\n---\n")))
	policy := s.policy("HTTPRoute", route.Name, "")
	policy.Peers = []string{"exact: " + manifest.ID(manifest.EnvoyIdentity)}
	s.policies(policy)
	s.until(route.Host(), "the other pod with Envoy's identity", func(r *envoy.Response) bool {
		return seesEnvoy(r) && r.Echo.Self == manifest.ID(manifest.EnvoyIdentity)
	})
}
