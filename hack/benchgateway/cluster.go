package main

import (
	"context"
	"errors"

	"github.com/egraft/egraft/e2e/kubegateway"
)

// cluster is a cluster with many routes.
type cluster struct {
	*kubegateway.Cluster
	routes int
}

const namespace = "bench"

// base is common to all routes. They share a Service; Envoy Gateway nevertheless makes a cluster
// for each rule of a route.
const base = `
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

// policy applies to all clusters of the Gateway.
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

// newCluster starts an API server with its files in dir.
func newCluster(ctx context.Context, dir string) (*cluster, error) {
	started, err := kubegateway.StartCluster(ctx, dir)
	if err != nil {
		return nil, err
	}
	c := &cluster{Cluster: started}
	if err := c.Admin.Apply(ctx, base); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// setPolicy applies or deletes the policy.
func (c *cluster) setPolicy(ctx context.Context, there bool) error {
	if there {
		return c.Admin.Apply(ctx, policy)
	}
	return c.Admin.Delete(ctx, policy)
}
