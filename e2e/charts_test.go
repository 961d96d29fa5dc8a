//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/version"
)

// ownChart: egraft's own chart replaces deploy/deployment, with the same certificates. It adopts
// the resources that were applied without Helm.
func (c *inCluster) ownChart(s *scenario) {
	c.reinstall(s)
	s.kubectl(c, "delete", "deployment", "--namespace=egraft-system", "egraft")
	s.must(c.Helm(s.ctx, "install", "egraft", c.chart(s, "egraft", version.Release), "--namespace=egraft-system",
		"--set", "tls.certManager=false", "--take-ownership", "--force-conflicts", "--wait"))
	c.callsItsOwnPods(s)
}

// wrappedChart: Envoy Gateway's chart with egraft replaces egraft's own chart and Envoy Gateway's.
// It is upgraded to the next build and rolled back while requests are served. CRDs and policies
// outlive releases.
func (c *inCluster) wrappedChart(s *scenario) {
	c.next(s)
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	policies := func() string { return s.kubectl(c, "get", "backendmtlspolicies", "--all-namespaces", "--output=name") }
	before := policies()
	require.NotEmpty(s.t, before)
	s.must(c.Helm(s.ctx, "uninstall", "egraft", "--namespace=egraft-system", "--wait"))
	require.Equal(s.t, before, policies())
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
