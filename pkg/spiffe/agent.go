package spiffe

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
)

// HTTPOptions is the key of a cluster's HTTP protocol options.
const HTTPOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"

// agentStatPrefix is the beginning of Envoy's statistics of calls to agents:
// grpc.spire_agent.streams_total and so on.
const agentStatPrefix = "spire_agent"

// reconnectBackoff is how long Envoy waits at most, in milliseconds, before it connects to an
// agent again that was not there. gRPC begins with a second and goes up to two minutes.
// https://github.com/grpc/grpc/blob/v1.66.0/src/core/client_channel/subchannel.cc
const reconnectBackoff = 1000

// agent is the way to an agent: gRPC on a Unix socket. It is none of Envoy's clusters, because a
// cluster can be called by its name by every Lua script of every tenant, and the agent takes
// whatever Envoy sends it for Envoy, and answers with private keys.
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
