//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"
)

// notWired: Envoy Gateway's configuration has no extension manager, and `egraft explain` reports
// that. Then it has one again, with an egraft that grants tenants a filter whose configuration
// Envoy rejects.
func (c *inCluster) notWired(s *scenario) {
	original := s.kubectl(c, "get", "configmap", "envoy-gateway-config", gatewayNamespace, "--output=json")
	c.replaceConfiguration(s, original, func(config map[string]any) { delete(config, "extensionManager") })
	c.restartGateway(s)
	c.rolledOut(s)
	policy := "backendmtlspolicy/default/" + s.env.Policy().Name
	out := c.untilExplained(s, c.Kubectl.Kubeconfig, "EGR502 NotWired", policy)
	require.Contains(s.t, out, "stopped at stage 1 (known to Envoy Gateway)")
	require.Contains(s.t, out, "Envoy Gateway's configuration has no extension manager for egraft")

	c.replaceConfiguration(s, original, func(map[string]any) {})
	s.kubectl(c, "set", "env", gatewayNamespace, gateway, "--containers=egraft", "EGRAFT_NAMESPACE_RULES=namespaces=*;filters=lua")
	c.rolledOut(s)
	c.policiesStillWork(s)
	c.envoyRejects(s)
	s.kubectl(c, "set", "env", gatewayNamespace, gateway, "--containers=egraft", "EGRAFT_NAMESPACE_RULES-")
	c.rolledOut(s)
	c.policiesStillWork(s)
}

// envoyRejects: `egraft explain` shows Envoy's reason for rejecting a filter that only Envoy can
// check.
func (c *inCluster) envoyRejects(s *scenario) {
	s.must(s.env.Apply(s.ctx, "script", brokenScript))
	out := c.untilExplained(s, c.Kubectl.Kubeconfig, "EGR405 Rejected", "filterpolicy/default/script")
	require.Contains(s.t, out, "stopped at stage 4 (active in Envoy)")
	require.Contains(s.t, out, "script load error")
	s.must(s.env.Delete(s.ctx, "script"))
}

// replaceConfiguration replaces Envoy Gateway's configuration with that of a ConfigMap, edited.
func (c *inCluster) replaceConfiguration(s *scenario, configMap string, edit func(map[string]any)) {
	s.t.Helper()
	var object map[string]any
	s.must(json.Unmarshal([]byte(configMap), &object))
	data := object["data"].(map[string]any)
	var config map[string]any
	s.must(yaml.Unmarshal([]byte(data["envoy-gateway.yaml"].(string)), &config))
	edit(config)
	text, err := yaml.Marshal(config)
	s.must(err)
	data["envoy-gateway.yaml"] = string(text)
	delete(object["metadata"].(map[string]any), "resourceVersion")
	changed, err := json.Marshal(object)
	s.must(err)
	_, err = c.Kubectl.RunWith(s.ctx, strings.NewReader(string(changed)), "replace", "--filename", "-")
	s.must(err)
}
