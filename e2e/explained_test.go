//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// reader is a ServiceAccount with the permissions that deploy/rbac/reader.yaml gives to users.
const reader = `
apiVersion: v1
kind: ServiceAccount
metadata: {namespace: default, name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: egraft-reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: egraft-reader}
subjects: [{kind: ServiceAccount, namespace: default, name: reader}]
`

// typo has a target that does not exist.
const typo = `
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {namespace: default, name: typo}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: ecko}]
  maxRequestBytes: 1Mi
`

// explained: a user with a kubeconfig and only the permissions that the page names sees all four
// stages of a policy.
func (c *inCluster) explained(t *scenario) {
	t.routes(echoRoute)
	policy := t.env.Policy()
	t.effect(policy, echoRoute.Host(), seesEnvoy)
	permissions, err := os.ReadFile("../deploy/rbac/reader.yaml")
	t.must(err)
	t.must(t.env.Apply(t.ctx, "reader", string(permissions)+"---"+reader))
	t.must(t.env.Apply(t.ctx, "typo", typo))
	kubeconfig := c.kubeconfigOf(t, "reader")

	subject := "backendmtlspolicy/default/" + policy.Name
	out := c.untilExplained(t, kubeconfig, "4 active in Envoy        1 of 1 Envoys have what egraft returned", subject)
	t.t.Log(out)
	for _, line := range []string{
		"✔ BackendMTLSPolicy default/" + policy.Name, "✔ 1 known to Envoy Gateway exists, generation", "observed by Envoy Gateway; kind configured",
		"✔ 2 sent to egraft         in ", "✔ 3 applied by egraft", "✔ 4 active in Envoy",
	} {
		require.Contains(t.t, out, line)
	}
	c.collected(t, kubeconfig, policy.Name)
	out = c.untilExplained(t, kubeconfig, "EGR204 UnknownTarget", "bufferpolicy/default/typo")
	require.Contains(t.t, out, "did you mean HTTPRoute default/echo?")
	out = c.untilExplained(t, kubeconfig, "EGR102 ObjectNotFound", "bufferpolicy/default/typ")
	require.Contains(t.t, out, "did you mean default/typo?")

	later := policy
	later.Name = "newer"
	t.policies(later)
	out = c.untilExplained(t, kubeconfig, "EGR302 Conflicted", "backendmtlspolicy/default/newer")
	require.Contains(t.t, out, "BackendMTLSPolicy default/"+policy.Name+" is older and has the same target")

	invalid := t.policy("HTTPRoute", echoRoute.Name, "")
	invalid.FetchTimeout = 30 * time.Second // the API server accepts it
	t.effect(invalid, echoRoute.Host(), rejected(http.StatusInternalServerError, deniedByEgraft))
	out = c.untilExplained(t, kubeconfig, "EGR301 Invalid", "httproute/default/"+echoRoute.Name)
	require.Contains(t.t, out, "initialFetchTimeout")

	// Names are completed from the cluster.
	out, _, err = c.Environment.Run(t.soon(), nil, "egraft", "__complete", "explain", "--kubeconfig", kubeconfig, "bufferpolicy/d")
	t.must(err)
	require.Contains(t.t, out, "bufferpolicy/default/typo\n")

	// Without permissions, the command reports which one is missing.
	t.must(t.env.Delete(t.ctx, "reader"))
	t.must(t.env.Apply(t.ctx, "nobody", "{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: default, name: nobody}}"))
	_, problem, err := c.Environment.Run(t.soon(), nil, "egraft", "explain", subject, "--kubeconfig", c.kubeconfigOf(t, "nobody"))
	require.Error(t.t, err)
	require.Contains(t.t, problem, "needs verb list on pods in all namespaces")
}

// untilExplained explains a subject until the output contains the text, since Envoy Gateway takes
// time.
func (c *inCluster) untilExplained(t *scenario, kubeconfig, wanted, subject string) (out string) {
	t.t.Helper()
	t.wait(subject+" to be explained", func(ctx context.Context) error {
		stdout, problem, err := c.Environment.Run(ctx, nil, "egraft", "explain", subject, "--kubeconfig", kubeconfig)
		if out = stdout; !strings.Contains(out, wanted) {
			return errors.Join(fmt.Errorf("%s%s", stdout, problem), err)
		}
		return nil
	})
	return out
}

// kubeconfigOf returns a kubeconfig for a ServiceAccount, with the cluster of the administrator's
// kubeconfig.
func (c *inCluster) kubeconfigOf(t *scenario, account string) string {
	token := strings.TrimSpace(t.kubectl(c, "create", "token", account, "--namespace=default"))
	text := t.kubectl(c, "config", "view", "--raw", "--flatten", "--minify", "--output=json")
	path := filepath.Join(t.t.TempDir(), account)
	t.must(os.WriteFile(path, []byte(text), 0o600))
	for _, arguments := range [][]string{
		{"config", "set-credentials", "reader", "--token", token}, {"config", "set-context", "--current", "--user=reader"},
	} {
		_, problem, err := c.Environment.Run(t.soon(), []string{"KUBECONFIG=" + path}, append([]string{"kubectl"}, arguments...)...)
		require.NoError(t.t, err, problem)
	}
	return path
}
