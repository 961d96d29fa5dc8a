//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// policyMutator is the program of examples/policy-mutator.
const policyMutator parts.Name = "policy-mutator"

// TestPolicyMutatorOnMergedBackends runs the example in place of egraft: two routes share a
// cluster, and one of them has policies of two features. It gets a copy of the cluster with both
// edits, and the other route a copy with the edit of the Gateway's policy only.
func TestPolicyMutatorOnMergedBackends(t *testing.T) {
	needs(t, here)
	const shared = "backend/default/shared/0/http"
	f := start(t, standalone.Options{Program: policyMutator, MergeBackends: true})
	f.apply("shared", sharedBackend)
	for _, name := range []string{"shop", "pay"} {
		f.apply(name, toShared(name))
		f.until(name+".example.com", "the backend to reject cleartext", envoy.Status(400))
	}
	f.apply("budgets", retryBudgets(t))
	f.untilBudgets(map[string]string{"shop": "egraft/retry-budget/*/" + shared + " 50 % 10", "pay": "egraft/retry-budget/*/" + shared + " 20 % 3"})

	f.effect(f.policy("HTTPRoute", "shop", ""), "shop.example.com", seesEnvoy)
	f.untilBudgets(map[string]string{"shop": "egraft/backend-mtls+retry-budget/*/" + shared + " 50 % 10", "pay": "egraft/retry-budget/*/" + shared + " 20 % 3"})
	for range 20 {
		require.True(t, seesEnvoy(f.get("shop.example.com", "/")))
		require.Equal(t, 400, f.get("pay.example.com", "/").Status, "cleartext: it has no BackendMTLSPolicy")
	}
	f.healthy(f.soon())
}

// retryBudgets returns the policies of the example's README.
func retryBudgets(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../examples/policy-mutator/README.md")
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, example)
	return string(example[1])
}

// copied matches the name of a copied cluster up to the original name.
var copied = regexp.MustCompile(`^(egraft/[^/]+/)[0-9a-f]{16}/`)

// untilBudgets waits until Envoy sends the requests of each route to a cluster with a retry budget,
// given in the form "cluster percent % concurrency".
func (f *fixture) untilBudgets(wanted map[string]string) {
	f.t.Helper()
	f.wait("the retry budgets", func(ctx context.Context) error {
		domains, err := f.DomainClusters(ctx)
		if err != nil {
			return err
		}
		clusters, err := f.Clusters(ctx)
		if err != nil {
			return err
		}
		for route, want := range wanted {
			name := strings.Join(domains[route+".example.com"], " ")
			if got := copied.ReplaceAllString(name, "$1*/") + " " + retryBudget(clusters[name]); got != want {
				return fmt.Errorf("%s has %q, not %q", route, got, want)
			}
		}
		return nil
	})
}

// retryBudget describes the retry budget of Envoy's cluster.
func retryBudget(c envoy.Cluster) string {
	breakers, _ := c["circuit_breakers"].(map[string]any)
	thresholds, _ := breakers["thresholds"].([]any)
	for _, t := range thresholds {
		threshold, _ := t.(map[string]any)
		if budget, ok := threshold["retry_budget"].(map[string]any); ok {
			percent, _ := budget["budget_percent"].(map[string]any)
			return fmt.Sprintf("%v %% %v", percent["value"], budget["min_retry_concurrency"])
		}
	}
	return "no budget"
}
