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

// window is how much may be on its way to the server: as much as gRPC comes to by itself, for
// which it sends a ping behind each message, a good part of a small call. What is left of a
// smaller one would be frames that are not whole, and a message of them not in one piece.
// https://github.com/grpc/grpc-go/blob/v1.83.1/internal/transport/bdp_estimator.go#L30
const window = 16 << 20

// streamWorkers is how many calls at a time find a goroutine that is there already. Envoy
// Gateway makes few.
const streamWorkers = 4

// options turns a configuration into those of gRPC; streams end when draining is closed.
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
		grpc.NumStreamWorkers(streamWorkers), // each goroutine that begins with a call has to grow its stack
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

// recovered is what becomes of a panic that no one below contained.
func (c *Config) recovered(ctx context.Context, p any) error {
	method, _ := grpc.Method(ctx)
	c.Log.ErrorContext(ctx, "call panicked", logging.KeyMethod, method, logging.KeyPanic, p, logging.KeyStack, string(debug.Stack()))
	return status.Error(codes.Internal, "egraft panicked, see its log")
}

// toSend is the part of a client's time that is left for the way of the response: encoding and
// sending it, and receiving and decoding it there.
const toSend = 10

// deadline ends calls whose client waits for ever, as Envoy Gateway 1.9 does
// (https://github.com/envoyproxy/gateway/issues/8806). The response to one that does not is there
// before its deadline.
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

// cancelWhenDraining ends streams, those of Health.Watch for one, that would hold up the end.
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
