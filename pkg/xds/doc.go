// Package xds has pure helpers on Envoy's messages: what Envoy Gateway says about a
// resource in its metadata, which routes lead to which cluster, how a resource is made to
// reject traffic, where TLS contexts are.
//
// It knows no policy, and nothing of gRPC or Kubernetes clients.
package xds
