package manifest

import (
	"slices"
	"strings"
)

// The comments above the roles.
const (
	gatewayComment = `# The permissions that Envoy Gateway needs for egraft's custom resources. It watches them, sends
# them to egraft, and writes their status. Without these permissions it reconciles nothing at all.
`
	statusComment = "  # The whole status of policies. Envoy Gateway does not write the status of filters and backends.\n"
	egraftComment = "# The permissions that egraft needs. As a sidecar, it uses Envoy Gateway's ServiceAccount.\n"
	eventsRule    = `  # egraft reports outcomes of policies as events in the namespace of the policy, and counts
  # repeated ones. Without this permission it logs a warning and continues.
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
`
	conditionsComment = "  # It writes conditions of filters and backends, because Envoy Gateway writes no status of them.\n"
	rbacComment       = `# kubectl apply -k deploy/rbac
#
# The component and the separate Deployment of egraft include this.
`
)

// RBAC returns the permissions of Envoy Gateway and of egraft, for Envoy Gateway's ServiceAccount
// in a namespace, and their kustomization.
func (b *Build) RBAC(namespace string) []File {
	index := kustomization(rbacComment) + "  - envoy-gateway.yaml\n  - egraft.yaml\n"
	return []File{
		{"envoy-gateway.yaml", role(gatewayComment, "egraft-envoy-gateway", b.gatewayRules(), namespace)},
		{"egraft.yaml", role(egraftComment, "egraft", b.egraftRules(), namespace)},
		{"kustomization.yaml", index},
	}
}

func (b *Build) gatewayRules() string {
	all := func(*resource) bool { return true }
	out := b.rules(all, "", "get, list, watch")
	if status := b.rules(func(r *resource) bool { return r.policy }, "/status", "update"); status != "" {
		out += statusComment + status
	}
	return out
}

func (b *Build) egraftRules() string {
	written := func(r *resource) bool { return r.conditions }
	out := eventsRule
	if conditions := b.rules(written, "", "get") + b.rules(written, "/status", "patch"); conditions != "" {
		out += conditionsComment + conditions
	}
	return out
}

// rules returns the rules for the selected resources, one for each API group.
func (b *Build) rules(of func(*resource) bool, subresource, verbs string) (out string) {
	plurals := map[string][]string{}
	var groups []string
	for i := range b.resources {
		if r := &b.resources[i]; of(r) {
			plurals[r.Group] = append(plurals[r.Group], r.plural+subresource)
			groups = append(groups, r.Group)
		}
	}
	for _, g := range slices.Compact(groups) { // the resources are sorted by group
		out += "  - apiGroups: [" + g + "]\n    resources: [" + strings.Join(plurals[g], ", ") + "]\n    verbs: [" + verbs + "]\n"
	}
	return out
}

// role returns a ClusterRole that is bound to Envoy Gateway's ServiceAccount.
func role(comment, name, rules, namespace string) string {
	if rules == "" {
		rules = "  []\n"
	}
	return comment + `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: ` + name + `
rules:
` + rules + `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata:
  name: ` + name + `
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: ClusterRole
  name: ` + name + `
subjects:
  - kind: ServiceAccount
    name: envoy-gateway
    namespace: ` + namespace + `
`
}
