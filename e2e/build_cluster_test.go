//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/cluster"
	"github.com/egraft/egraft/e2e/manifest"
)

// builtOfTwo: the output of `egraft build` from two modules in place of egraft: its image, its
// CRDs, and its kustomize component with its permissions. The policies of both modules and a
// built-in one are in effect.
func (c *inCluster) builtOfTwo(s *scenario) {
	const image = "registry.example/egraft:two"
	dir := buildOfTwo(s.t, "--image", image)
	s.must(c.Load(s.ctx, filepath.Join(dir, "image.tar")))
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", filepath.Join(dir, "crds"))
	s.kubectl(c, "wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
	overlay := s.t.TempDir()
	s.must(os.CopyFS(filepath.Join(overlay, "egraft"), os.DirFS(filepath.Join(dir, "kustomize"))))
	c.renderGateway(s, filepath.Join(overlay, "envoy-gateway.yaml"), filepath.Join(dir, "kustomize", "values.yaml"))
	s.must(os.WriteFile(filepath.Join(overlay, "kustomization.yaml"), []byte("resources: [envoy-gateway.yaml]\ncomponents: [egraft]\n"), 0o600))
	s.kubectl(c, "apply", "--server-side", "--force-conflicts", "--kustomize", overlay)
	c.rolledOut(s)
	require.Equal(s.t, image, s.kubectl(c, "get", gatewayNamespace, gateway, "--output=jsonpath={.spec.template.spec.initContainers[0].image}"))

	shop, pay := manifest.Route{Name: "shop"}, manifest.Route{Name: "pay"}
	s.routes(shop, pay)
	s.effect(s.env.Policy(), shop.Host(), seesEnvoy)
	s.until(pay.Host(), "the SVID", seesEnvoy)
	s.applied = append(s.applied, "budgets")
	s.must(s.env.Apply(s.ctx, "budgets", retryBudgets(s.t)))
	c.untilBudgets(s, map[string]string{shop.Host(): "50 % 10", pay.Host(): "20 % 3"})
	c.isDelayed(s)
}

// untilBudgets waits until requests for each host go to a cluster with a retry budget.
func (c *inCluster) untilBudgets(s *scenario, wanted map[string]string) {
	s.t.Helper()
	s.wait("the retry budgets", func(ctx context.Context) error {
		domains, err := c.DomainClusters(ctx)
		if err != nil {
			return err
		}
		clusters, err := c.Clusters(ctx)
		if err != nil {
			return err
		}
		for host, want := range wanted {
			name := strings.Join(domains[host], " ")
			if got := retryBudget(clusters[name]); got != want {
				return fmt.Errorf("%s leads to %s with %q, not %q", host, name, got, want)
			}
		}
		return nil
	})
}

// isDelayed applies the resources of the README of examples/route-filter, with a backend in the
// cluster. Only the rule with the filter is delayed.
func (c *inCluster) isDelayed(s *scenario) {
	s.t.Helper()
	const delay, host = 700 * time.Millisecond, "slow.example.com"
	page, err := os.ReadFile("../examples/route-filter/README.md")
	s.must(err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(s.t, example)
	const backend = "{group: gateway.envoyproxy.io, kind: Backend, name: echo}"
	require.Contains(s.t, string(example[1]), backend)
	s.route("slow", host, strings.ReplaceAll(string(example[1]), backend, "{name: slow, port: 443}")+`---
apiVersion: v1
kind: Service
metadata: {name: slow, namespace: default}
spec: {selector: {app: echo}, ports: [{port: 443, targetPort: 8443}]}
`)
	s.until(host, "the SVID", seesEnvoy)
	took := func(path string) time.Duration {
		begin := time.Now()
		require.True(s.t, seesEnvoy(s.get(host, path)))
		return time.Since(begin)
	}
	s.wait("requests to be delayed", func(context.Context) error {
		if took("/slow") < delay {
			return errors.New("a request was not delayed")
		}
		return nil
	})
	require.Less(s.t, took("/"), delay, "another rule of the route")
}

// renderGateway renders Envoy Gateway's chart with values to a file, without its hooks, which have
// already run.
func (c *inCluster) renderGateway(s *scenario, file, values string) {
	s.t.Helper()
	chart, problem, err := c.Run(s.ctx, nil, "helm", "template", "eg", "oci://docker.io/envoyproxy/gateway-helm", "--version", cluster.GatewayVersion,
		gatewayNamespace, "--no-hooks", "--values", values)
	require.NoError(s.t, err, problem)
	s.must(os.WriteFile(file, []byte(chart), 0o600))
}
