//go:build e2e

package e2e

import (
	"strings"

	"github.com/stretchr/testify/require"
)

// wrongly tests mistakes in an installation. docs/troubleshooting.md lists Envoy Gateway's message
// for each.
func (c *inCluster) wrongly(s *scenario) {
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	mistakes := []struct {
		name          string
		make, correct func()
		complaint     []string
		found         string // by egraft doctor
		ready         bool   // Envoy Gateway's pod
	}{
		{
			name:      "without permissions",
			make:      func() { s.kubectl(c, "delete", "clusterrolebinding", "egraft-envoy-gateway") },
			correct:   func() { s.kubectl(c, "apply", "--kustomize", "../deploy/rbac") },
			complaint: []string{"forbidden", "backendmtlspolicies"}, found: "GatewayPermissions", ready: false,
		},
		{
			name:      "with another version",
			make:      func() { c.configure(s, "version: v1alpha1", "version: v9") },
			correct:   func() { c.configure(s, "version: v9", "version: v1alpha1") },
			complaint: []string{"no matches for kind", "egraft.io/v9"}, found: "MissingKinds", ready: true,
		},
	}
	for _, m := range mistakes {
		requests := s.traffic(echoRoute.Host())
		m.make()
		c.restartGateway(s)
		s.logged("envoy-gateway", m.complaint...)
		_, err := c.Kubectl.Run(s.ctx, "wait", "pods", gatewayNamespace, gatewayPods, "--for=condition=Ready", "--timeout=10s")
		require.Equal(s.t, m.ready, err == nil, "%s: is the pod ready? %v", m.name, err)
		c.doctorFinds(s, m.found)
		requests.waitServed(20)
		requests.mustAllBeServed()
		m.correct()
		c.restartGateway(s)
		c.rolledOut(s)
		c.policiesStillWork(s)
	}
	c.notWired(s)
	c.withoutDefinition(s)
}

// withoutDefinition: deleting the CRD deletes the policies, and Envoy Gateway does nothing until
// the CRD is back.
func (c *inCluster) withoutDefinition(s *scenario) {
	s.kubectl(c, "delete", "crd", "backendmtlspolicies.egraft.io")
	c.restartGateway(s)
	s.logged("envoy-gateway", "no matches for kind", "BackendMTLSPolicy")
	c.doctorFinds(s, "CRDMissing")
	s.kubectl(c, "apply", "--server-side", "--kustomize", "../crds")
	s.kubectl(c, "wait", "--for=condition=Established", "crd/backendmtlspolicies.egraft.io", "--timeout=30s")
	c.restartGateway(s)
	c.rolledOut(s)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
}

// restartGateway returns when the old pod is gone.
func (c *inCluster) restartGateway(s *scenario) {
	s.t.Helper()
	s.kubectl(c, "delete", "pod", gatewayNamespace, gatewayPods)
}

// configure changes all occurrences in Envoy Gateway's configuration file: Envoy Gateway ignores
// the missing CRD of a backend, but not of a policy.
func (c *inCluster) configure(s *scenario, old, now string) {
	s.t.Helper()
	read := s.kubectl(c, "get", "configmap", "envoy-gateway-config", gatewayNamespace, "--output", "json")
	changed := strings.ReplaceAll(read, old, now)
	require.NotEqual(s.t, read, changed)
	_, err := c.Kubectl.RunWith(s.ctx, strings.NewReader(changed), "replace", "--filename", "-")
	s.must(err)
}
