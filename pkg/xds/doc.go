// Package xds has pure helpers for Envoy's messages: they read Envoy Gateway's metadata of a
// resource, find which routes lead to which cluster, make a resource reject traffic, and find TLS
// contexts.
//
// It must not depend on policies, gRPC or Kubernetes clients.
package xds
