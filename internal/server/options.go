package server

import (
	"context"
	"runtime/debug"
	"time"

	middleware "github.com/grpc-ecosystem/go-grpc-middleware/v2"
	"github.com/grpc-ecosystem/go-grpc-middleware/v2/interceptors/recovery"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"github.com/egraft/egraft/internal/logging"
)

// window is the flow-control window in bytes. gRPC's own estimate grows to the same size, but it
// sends a ping after each message, a large part of the time of a small call. A smaller window would
// split messages into partial frames, so they would not be contiguous.
// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/bdp_estimator.go#L30
const window = 16 << 20

// streamWorkers is how many concurrent calls get an existing goroutine. Envoy Gateway makes few
// concurrent calls.
const streamWorkers = 4

// options returns the gRPC options of a configuration; streams end when draining is closed.
func options(c *Config, draining <-chan struct{}, creds credentials.TransportCredentials) []grpc.ServerOption {
	recover := recovery.WithRecoveryHandlerContext(c.recovered)
	opts := []grpc.ServerOption{
		grpc.Creds(creds),
		grpc.MaxRecvMsgSize(c.MaxMessageBytes),
		grpc.MaxSendMsgSize(c.MaxMessageBytes),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: c.Keepalive.Time, Timeout: c.Keepalive.Timeout}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: c.Keepalive.MinTime, PermitWithoutStream: true}),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(window),
		grpc.NumStreamWorkers(streamWorkers), // a new goroutine for each call has to grow its stack
		grpc.StatsHandler(&observer{cfg: c}),
		grpc.ChainUnaryInterceptor(recovery.UnaryServerInterceptor(recover), deadline(c.CallTimeout)),
		grpc.ChainStreamInterceptor(recovery.StreamServerInterceptor(recover), cancelWhenDraining(draining)),
	}
	for _, h := range c.StatsHandlers {
		opts = append(opts, grpc.StatsHandler(h))
	}
	if c.Codec != nil {
		opts = append(opts, grpc.ForceServerCodecV2(recoveringCodec{c.Codec}))
	}
	if c.BufferPool != nil {
		opts = append(opts, experimental.BufferPool(c.BufferPool))
	}
	return opts
}

// recovered handles a panic that lower layers did not recover.
func (c *Config) recovered(ctx context.Context, p any) error {
	method, _ := grpc.Method(ctx)
	c.Log.ErrorContext(ctx, "call panicked", logging.KeyMethod, method, logging.KeyPanic, p, logging.KeyStack, string(debug.Stack()))
	return status.Error(codes.Internal, "egraft panicked, see its log")
}

// toSend is the fraction, 1/toSend, of a client's timeout that is reserved for encoding, sending
// and decoding the response.
const toSend = 10

// deadline adds a timeout to calls, since Envoy Gateway 1.9 has none
// (https://github.com/envoyproxy/gateway/issues/8806). If a client has a deadline, the call ends
// early enough to send the response before it.
func deadline(timeout time.Duration) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		timeout := timeout
		if end, limited := ctx.Deadline(); limited {
			left := time.Until(end)
			timeout = min(timeout, left-left/toSend)
		}
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return handler(ctx, req)
	}
}

// cancelWhenDraining ends streams that would delay shutdown, such as Health.Watch.
func cancelWhenDraining(draining <-chan struct{}) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, cancel := context.WithCancel(stream.Context())
		defer cancel()
		go func() {
			select {
			case <-draining:
				cancel()
			case <-ctx.Done():
			}
		}()
		return handler(srv, &middleware.WrappedServerStream{ServerStream: stream, WrappedContext: ctx})
	}
}
