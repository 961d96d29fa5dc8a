// Package xds has pure helpers for Envoy's messages: Envoy Gateway's metadata of a resource, which
// routes lead to which cluster, how to make a resource reject traffic, and where TLS contexts are.
//
// It must not depend on policies, gRPC or Kubernetes clients.
package xds
