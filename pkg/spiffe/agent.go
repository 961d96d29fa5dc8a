package spiffe

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// HTTPOptions is the key of a cluster's HTTP protocol options.
const HTTPOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// agentStatPrefix is the prefix of Envoy's statistics of calls to agents:
// grpc.spire_agent.streams_total and so on.
const agentStatPrefix = "spire_agent"

// reconnectBackoff is the maximum time in milliseconds that Envoy waits before it reconnects to an
// unavailable agent. gRPC's own backoff starts at a second and grows to two minutes.
// https://github.com/grpc/grpc/blob/v1.66.0/src/core/client_channel/subchannel.cc
const reconnectBackoff = 1000

// agent is the connection to an agent: gRPC on a Unix socket. It is not a cluster of Envoy, because
// any tenant's Lua script can call a cluster by name, and the agent responds to every request from
// Envoy with private keys.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/core/v3/grpc_service.proto#config-core-v3-grpcservice-googlegrpc
func agent(socketPath string) *corev3.GrpcService_GoogleGrpc_ {
	return &corev3.GrpcService_GoogleGrpc_{GoogleGrpc: &corev3.GrpcService_GoogleGrpc{
		TargetUri:  "unix:" + socketPath,
		StatPrefix: agentStatPrefix,
		ChannelArgs: &corev3.GrpcService_GoogleGrpc_ChannelArgs{Args: map[string]*corev3.GrpcService_GoogleGrpc_ChannelArgs_Value{
			"grpc.max_reconnect_backoff_ms": {ValueSpecifier: &corev3.GrpcService_GoogleGrpc_ChannelArgs_Value_IntValue{IntValue: reconnectBackoff}},
		}},
	}}
}
