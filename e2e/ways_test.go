//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/internal/version"
)

// uninstalled: docs/upgrade.md, with the chart that has egraft installed before. The policy stays
// until the CRDs are deleted.
func (c *inCluster) uninstalled(s *scenario) {
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	s.must(c.Helm(s.ctx, "upgrade", "eg", "oci://docker.io/envoyproxy/gateway-helm", "--version", "v1.9.1", gatewayNamespace, "--reset-values"))
	c.rolledOut(s)
	c.notInEffect(s)
	s.kubectl(c, "delete", "--kustomize", "../crds")
	require.NotContains(s.t, s.kubectl(c, "get", "crds", "--output=name"), "egraft.io")
	s.kubectl(c, "apply", "--server-side", "--kustomize", "../crds")
	s.kubectl(c, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
}

// notInEffect requires that Envoy Gateway runs without egraft, and serves the target of the policy
// that the scenario applied as if there were no policy, which is still stored.
func (c *inCluster) notInEffect(s *scenario) {
	s.t.Helper()
	require.Contains(s.t, s.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--no-headers"), "1/1")
	s.until(echoRoute.Host(), "the route without its policy", envoy.Status(400))
	s.kubectl(c, "get", "backendmtlspolicy", s.env.Policy().Name)
}

// kustomizeRemoved: docs/upgrade.md, with an overlay that has the component before, and a Deployment
// that only kubectl has applied.
func (c *inCluster) kustomizeRemoved(s *scenario) {
	overlay := c.overlay(s)
	s.kubectl(c, "delete", gatewayNamespace, gateway)
	c.apply(s, overlay, version.Release)
	c.inEffect(s, "2/2")
	c.renderGateway(s, filepath.Join(overlay, "deploy/chart/envoy-gateway.yaml"), os.DevNull)
	s.must(os.WriteFile(filepath.Join(overlay, "deploy/chart/kustomization.yaml"), []byte("resources: [envoy-gateway.yaml]\n"), 0o600))
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", filepath.Join(overlay, "deploy/chart"))
	s.kubectl(c, "rollout", "restart", gatewayNamespace, gateway)
	c.rolledOut(s)
	c.notInEffect(s)
	s.kubectl(c, "delete", gatewayNamespace, gateway) // Helm would not uninstall or replace it
}

// patched: deploy/patch, applied to an Envoy Gateway that runs without egraft, upgraded, rolled back
// and removed.
func (c *inCluster) patched(s *scenario) {
	c.next(s)
	c.reinstall(s)
	spec := func() string {
		return s.kubectl(c, "get", gatewayNamespace, gateway, "--output=jsonpath={.spec.template.spec}")
	}
	before, config := spec(), s.kubectl(c, "get", gatewayNamespace, "configmap/envoy-gateway-config", "--output=json")
	s.must(c.RunPage(s.ctx, "deploy/patch/README.md"))
	c.inEffect(s, "2/2")
	release, sidecar := c.runs(s), "../deploy/component/sidecar.yaml"

	content, err := os.ReadFile(sidecar)
	s.must(err)
	newer := filepath.Join(s.t.TempDir(), "sidecar.yaml")
	s.must(os.WriteFile(newer, []byte(strings.Replace(string(content), ":"+version.Release, ":"+nextVersion, 1)), 0o600))
	for _, way := range [][2]string{{newer, nextVersion}, {sidecar, release}} {
		s.kubectl(c, "patch", gatewayNamespace, gateway, "--patch-file", way[0])
		c.rolledOut(s)
		require.Equal(s.t, way[1], c.runs(s))
		c.policiesStillWork(s)
	}

	c.replaceConfiguration(s, config, func(map[string]any) {})
	s.kubectl(c, "patch", gatewayNamespace, gateway, "--patch-file", "../deploy/patch/remove.yaml")
	c.rolledOut(s)
	require.JSONEq(s.t, before, spec())
	c.notInEffect(s)
}

// inItsOwnPods: deploy/deployment, with certificates that replace those of cert-manager.
func (c *inCluster) inItsOwnPods(s *scenario) {
	c.reinstall(s)
	s.kubectl(c, "apply", "--filename", "../deploy/deployment/namespace.yaml")
	c.certificates(s)
	manifests := s.kubectl(c, "kustomize", "../deploy/deployment")
	s.must(c.Kubectl.Apply(s.ctx, withoutGroup(manifests, "cert-manager.io")))
	c.callsItsOwnPods(s)
	c.everyKindIsTold(s)
	log := s.kubectl(c, "logs", "--namespace=egraft-system", "--selector=app.kubernetes.io/name=egraft", "--tail=-1")
	require.Contains(s.t, log, "configuration changed")
	nothingIsForbidden(s, log)
}

// callsItsOwnPods configures Envoy Gateway to call the separate Deployment, and checks that a
// policy is in effect.
func (c *inCluster) callsItsOwnPods(s *scenario) {
	s.t.Helper()
	s.kubectl(c, "rollout", "status", "--namespace=egraft-system", "deployment/egraft", "--timeout=90s")
	s.must(c.Helm(s.ctx, "upgrade", "eg", "oci://docker.io/envoyproxy/gateway-helm", "--version", "v1.9.1",
		gatewayNamespace, "--values", "../deploy/deployment/values.yaml"))
	s.kubectl(c, "rollout", "restart", gatewayNamespace, gateway)
	c.rolledOut(s)
	c.inEffect(s, "1/1")
}

// reinstall installs Envoy Gateway without egraft.
func (c *inCluster) reinstall(s *scenario) {
	s.must(c.Helm(s.ctx, "uninstall", "eg", gatewayNamespace, "--wait"))
	s.must(c.Helm(s.ctx, "install", "eg", "oci://docker.io/envoyproxy/gateway-helm", "--version", "v1.9.1", gatewayNamespace))
	c.rolledOut(s)
}

// inEffect requires that a policy is in effect, and that Envoy Gateway's pod has the given number
// of containers.
func (c *inCluster) inEffect(s *scenario, containers string) {
	s.t.Helper()
	pods := s.kubectl(c, "get", "pods", gatewayNamespace, gatewayPods, "--no-headers")
	require.Contains(s.t, pods, containers)
	s.routes(echoRoute)
	s.effect(s.env.Policy(), echoRoute.Host(), seesEnvoy)
	c.policiesStillWork(s)
}

// certificates creates the Secrets that cert-manager would create from
// deploy/deployment/certificates.yaml.
func (c *inCluster) certificates(s *scenario) {
	dir := s.t.TempDir()
	pki, err := apiserver.NewPKI(dir)
	s.must(err)
	_, err = pki.Server("egraft-server", nil, "egraft.egraft-system.svc")
	s.must(err)
	_, err = pki.Client("egraft-client", "envoy-gateway")
	s.must(err)
	for _, name := range []string{"ca", "egraft-server", "egraft-client"} {
		s.kubectl(c, "create", "secret", "generic", "egraft-"+strings.TrimPrefix(name, "egraft-"), "--namespace=egraft-system", "--type=kubernetes.io/tls",
			"--from-file=tls.crt="+filepath.Join(dir, name+".crt"), "--from-file=tls.key="+filepath.Join(dir, name+".key"),
			"--from-file=ca.crt="+pki.CA())
	}
}

// withoutGroup removes the resources of an API group.
func withoutGroup(manifests, group string) string {
	documents := slices.DeleteFunc(strings.Split(manifests, "\n---\n"), func(document string) bool {
		return strings.HasPrefix(document, "apiVersion: "+group+"/")
	})
	return strings.Join(documents, "\n---\n")
}
