package manifest

import (
	"slices"
	"strings"
)

// The comments above the roles.
const (
	gatewayComment = `# What Envoy Gateway needs for egraft's custom resources. It watches them and hands them to
# egraft, and writes their status. Without this it reconciles nothing at all.
`
	statusComment = "  # The status of policies, as a whole. It does not write that of filters and backends.\n"
	egraftComment = "# What egraft itself needs. In Envoy Gateway's pod it has Envoy Gateway's ServiceAccount.\n"
	eventsRule    = `  # It says what it did with a policy in events beside the policy, in whatever namespace
  # that is, and counts repeated ones up. Without this it goes on and says so in its log.
  - apiGroups: [events.k8s.io]
    resources: [events]
    verbs: [create, patch]
`
	conditionsComment = "  # It writes conditions of filters and backends, of which Envoy Gateway writes no status.\n"
	rbacComment       = `# kubectl apply -k deploy/rbac
#
# The component and the Deployment of egraft's own contain this.
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
