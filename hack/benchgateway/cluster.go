package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/parts"
)

// cluster is an API server with what Envoy Gateway needs, and many routes.
type cluster struct {
	*apiserver.Server
	client     dynamic.Interface
	kubeconfig string
	routes     int
}

const namespace = "bench"

// base is what all routes have in common. They share a Service: Envoy Gateway makes a
// cluster for each rule of a route nevertheless.
const base = `
apiVersion: v1
kind: Namespace
metadata: {name: envoy-gateway-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: bench}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: bench}
spec:
  gatewayClassName: eg
  listeners: [{name: http, port: 80, protocol: HTTP}]
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: bench}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: backend, namespace: bench, labels: {kubernetes.io/service-name: backend}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}, {addresses: [192.0.2.2], conditions: {ready: true}}]
`

// policy is for all clusters of the Gateway.
const policy = `
apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {name: mtls, namespace: bench}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  peers: [{exact: spiffe://example.org/backend}]
`

// newCluster starts an API server whose files are in dir.
func newCluster(ctx context.Context, dir string) (*cluster, error) {
	server, err := apiserver.Start(ctx, apiserver.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	c := &cluster{Server: server}
	if err := c.fill(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *cluster) fill(ctx context.Context) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	gateway, err := gatewayModule(ctx, root)
	if err != nil {
		return err
	}
	for _, arguments := range [][]string{
		{"--recursive", "--filename", filepath.Join(gateway, "charts", "gateway-helm", "charts", "crds", "crds")},
		{"--kustomize", filepath.Join(root, "crds")},
	} {
		arguments = append([]string{"apply", "--server-side", "--force-conflicts"}, arguments...)
		if _, err := c.Admin.Run(ctx, arguments...); err != nil {
			return err
		}
	}
	if _, err := c.Admin.Run(ctx, "wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"); err != nil {
		return err
	}
	if err := c.Admin.Apply(ctx, base); err != nil {
		return err
	}
	if c.kubeconfig, err = c.Kubeconfig("envoy-gateway", "envoy-gateway", "system:masters"); err != nil {
		return err
	}
	return c.connect()
}

// connect makes a client that nothing slows down.
func (c *cluster) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		return fmt.Errorf("configure a client of the API server: %w", err)
	}
	config.QPS = -1
	if c.client, err = dynamic.NewForConfig(config); err != nil {
		return fmt.Errorf("make a client of the API server: %w", err)
	}
	return nil
}

// setPolicy applies the policy or deletes it.
func (c *cluster) setPolicy(ctx context.Context, there bool) error {
	if there {
		return c.Admin.Apply(ctx, policy)
	}
	_, err := c.Admin.Run(ctx, "delete", "--ignore-not-found", "--namespace", namespace, "backendmtlspolicy", "mtls")
	return err
}

// gatewayModule is where Envoy Gateway's source is.
func gatewayModule(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway")
	cmd.Dir, cmd.Env, cmd.Stderr = root, append(os.Environ(), "GOPROXY=off"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the source of Envoy Gateway: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
