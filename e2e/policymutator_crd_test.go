//go:build e2e

package e2e

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/parts"
)

// TestPolicyMutatorCRD: an API server accepts the CRDs and permissions that the example prints, and
// its policies. It rejects what the feature considers invalid, and grants Envoy Gateway what it
// needs.
func TestPolicyMutatorCRD(t *testing.T) {
	needsKubectl(t)
	server := startServer(t)
	admin := func(arguments ...string) string {
		out, err := server.Kubectl.Run(t.Context(), arguments...)
		require.NoError(t, err)
		return out
	}
	require.NoError(t, server.Admin.Define(t.Context(), []byte(printedBy(t, policyMutator, "crds"))))
	require.NoError(t, server.Admin.Apply(t.Context(), printedBy(t, policyMutator, "rbac")))
	require.NoError(t, server.Admin.Apply(t.Context(), retryBudgets(t)))
	stored := admin("get", "retrybudgetpolicy/for-all", "--output=jsonpath={.spec.minRetryConcurrency} {.spec.failurePolicy}")
	require.Equal(t, "3 Ignore", stored)

	const valid = "{apiVersion: example.com/v1, kind: RetryBudgetPolicy, metadata: {name: p, namespace: default}, spec: " +
		"{targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}], budgetPercent: 20}}"
	require.NoError(t, dryRun(t.Context(), server, valid))
	for name, c := range map[string]struct{ from, to, want string }{
		"percent":      {"budgetPercent: 20", "budgetPercent: 101", "should be less than or equal to 100"},
		"no percent":   {", budgetPercent: 20", "", "spec.budgetPercent: Required value"},
		"concurrency":  {"20}", "20, minRetryConcurrency: -1}", "should be greater than or equal to 0"},
		"other target": {"kind: Gateway", "kind: GRPCRoute", "targetRefs must be of group gateway.networking.k8s.io and of kind Gateway or HTTPRoute"},
		"other selector": {
			"targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]", "targetSelectors: [{kind: GRPCRoute}]",
			"targetSelectors must be of kind Gateway or HTTPRoute",
		},
	} {
		t.Run(name, func(t *testing.T) {
			invalid := strings.Replace(valid, c.from, c.to, 1)
			require.NotEqual(t, valid, invalid)
			require.ErrorContains(t, dryRun(t.Context(), server, invalid), c.want)
		})
	}

	const gateway = "system:serviceaccount:envoy-gateway-system:envoy-gateway"
	for _, verb := range []string{"get", "list", "watch"} {
		admin("auth", "can-i", verb, "retrybudgetpolicies.example.com", "--all-namespaces", "--as", gateway)
	}
	admin("auth", "can-i", "update", "retrybudgetpolicies.example.com", "--subresource=status", "--all-namespaces", "--as", gateway)
}

// printedBy returns the output of `config` of a program.
func printedBy(t *testing.T, name parts.Name, command string) string {
	t.Helper()
	programs, err := parts.Prepared(name)
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), programs[name], "config", command).Output()
	require.NoError(t, err)
	return string(out)
}
