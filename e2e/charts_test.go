//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/version"
)

// ownChart: egraft's own chart replaces deploy/deployment, with the same certificates. It adopts
// the resources that were applied without Helm. It is upgraded to the next build and rolled back
// while requests are served, and removed as in docs/upgrade.md. Policies outlive it.
func (c *inCluster) ownChart(s *scenario) {
	c.next(s)
	c.reinstall(s)
	s.kubectl(c, "delete", "deployment", "--namespace=egraft-system", "egraft")
	values := []string{"--namespace=egraft-system", "--set", "tls.certManager=false", "--force-conflicts", "--wait"}
	s.must(c.Helm(s.ctx, slices.Concat([]string{"install", "egraft", c.chart(s, "egraft", version.Release), "--take-ownership"}, values)...))
	c.callsItsOwnPods(s)
	release := c.separate(s)
	require.NotEqual(s.t, nextVersion, release)

	requests := s.traffic(echoRoute.Host())
	s.must(c.Helm(s.ctx, slices.Concat([]string{"upgrade", "egraft", c.chart(s, "egraft", nextVersion)}, values)...))
	require.Equal(s.t, nextVersion, c.separate(s))
	requests.waitServed(20)
	s.must(c.Helm(s.ctx, "rollback", "egraft", "--namespace=egraft-system", "--wait"))
	require.Equal(s.t, release, c.separate(s))
	requests.waitServed(20)
	requests.mustAllBeServed()
	c.policiesStillWork(s)

	s.must(c.Helm(s.ctx, "upgrade", "eg", "oci://docker.io/envoyproxy/gateway-helm", "--version", "v1.9.1", gatewayNamespace, "--reset-values"))
	s.kubectl(c, "rollout", "restart", gatewayNamespace, gateway)
	c.rolledOut(s)
	s.must(c.Helm(s.ctx, "uninstall", "egraft", "--namespace=egraft-system", "--wait"))
	c.notInEffect(s)
}

// wrappedChart: Envoy Gateway's chart with egraft replaces Envoy Gateway's. It is upgraded to the
// next build and rolled back while requests are served. CRDs and policies outlive releases.
func (c *inCluster) wrappedChart(s *scenario) {
	c.next(s)
	s.routes(echoRoute)
	s.policies(s.env.Policy())
	policies := func() string { return s.kubectl(c, "get", "backendmtlspolicies", "--all-namespaces", "--output=name") }
	before := policies()
	require.NotEmpty(s.t, before)
	s.must(c.Helm(s.ctx, "uninstall", "eg", gatewayNamespace, "--wait"))
	s.must(c.Helm(s.ctx, "install", "eg", c.chart(s, "gateway-helm-egraft", version.Release), gatewayNamespace, "--take-ownership", "--force-conflicts"))
	c.rolledOut(s)
	c.policiesStillWork(s)
	release := c.runs(s)
	require.NotEqual(s.t, nextVersion, release)

	requests := s.traffic(echoRoute.Host())
	next := c.chart(s, "gateway-helm-egraft", nextVersion)
	insert(s, filepath.Join(next, "files", "crds", policyCRD), beforeCRD, newerCRD)
	s.must(c.Helm(s.ctx, "upgrade", "eg", next, gatewayNamespace, "--set", "egraft.extraArgs[0]=--log-level=debug", "--force-conflicts"))
	c.rolledOut(s)
	require.Equal(s.t, nextVersion, c.runs(s))
	require.Contains(s.t, s.kubectl(c, "get", gatewayNamespace, gateway, "--output=yaml"), "--log-level=debug")
	require.Contains(s.t, s.kubectl(c, "get", "crd", "backendmtlspolicies.egraft.io", "--output=yaml"), "newerField")
	requests.waitServed(20)
	s.must(c.Helm(s.ctx, "rollback", "eg", gatewayNamespace))
	c.rolledOut(s)
	require.Equal(s.t, release, c.runs(s))
	require.NotContains(s.t, s.kubectl(c, "get", gatewayNamespace, gateway, "--output=yaml"), "--log-level=debug")
	require.NotContains(s.t, s.kubectl(c, "get", "crd", "backendmtlspolicies.egraft.io", "--output=yaml"), "newerField", "docs/upgrade.md warns of it")
	requests.waitServed(20)
	requests.mustAllBeServed()
	require.Equal(s.t, before, policies())
	c.policiesStillWork(s)
	require.Empty(s.t, problems(c.diagnose(s), doctor.Failed))
}

// chart returns the directory of one of the charts that hack/charts writes.
func (c *inCluster) chart(s *scenario, name, version string) string {
	s.t.Helper()
	dir := filepath.Join(s.t.TempDir(), version)
	out, err := exec.CommandContext(s.ctx, "go", "run", "../hack/charts", "-version", version, dir).CombinedOutput()
	require.NoError(s.t, err, strings.TrimSpace(string(out)))
	return filepath.Join(dir, name)
}
