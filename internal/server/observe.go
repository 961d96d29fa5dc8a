package server

import (
	"context"
	"log/slog"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/egraft/egraft/internal/logging"
)

// observer counts and logs calls. It is a stats handler because a request that is too large never
// reaches an interceptor.
type observer struct {
	cfg         *Config
	connections atomic.Uint64
}

// call is the state of a call in flight.
type call struct {
	method            string
	request, response int // bytes
}

type callKey struct{}

// TagRPC implements stats.Handler.
func (o *observer) TagRPC(ctx context.Context, info *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, callKey{}, &call{method: info.FullMethodName})
}

// HandleRPC implements stats.Handler.
func (o *observer) HandleRPC(ctx context.Context, s stats.RPCStats) {
	c, _ := ctx.Value(callKey{}).(*call)
	if c == nil {
		return
	}
	switch s := s.(type) {
	case *stats.InPayload:
		c.request += s.Length
	case *stats.OutPayload:
		c.response += s.Length
	case *stats.End:
		o.end(ctx, c, s)
	}
}

// TagConn implements stats.Handler.
func (o *observer) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, connectionKey{}, o.connections.Add(1))
}

type connectionKey struct{}

// Connection returns a number that identifies the connection of a call. It is 0 if the context is
// not that of a call.
func Connection(ctx context.Context) uint64 {
	n, _ := ctx.Value(connectionKey{}).(uint64)
	return n
}

// HandleConn implements stats.Handler.
func (o *observer) HandleConn(context.Context, stats.ConnStats) {}

func (o *observer) end(ctx context.Context, c *call, s *stats.End) {
	code, took := status.Code(s.Error), s.EndTime.Sub(s.BeginTime)
	hook, isHook := o.cfg.Hooks[c.method]
	if isHook && o.cfg.Observer != nil {
		o.cfg.Observer.Call(hook, code, took, c.request, c.response)
	}
	failed := s.Error != nil && isHook && code != codes.Canceled
	if !failed && !o.cfg.Log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	attrs := []slog.Attr{
		subject(hook, c.method),
		slog.String(logging.KeyCode, code.String()), slog.Duration(logging.KeyDuration, took),
		slog.Int(logging.KeyRequestBytes, c.request), slog.Int(logging.KeyResponseBytes, c.response),
	}
	if !failed {
		o.cfg.Log.LogAttrs(ctx, slog.LevelDebug, "call", attrs...)
		return
	}
	// Envoy Gateway keeps the old configuration and does not retry by itself.
	attrs = append(attrs, slog.String(logging.KeyError, status.Convert(s.Error).Message()))
	o.cfg.Log.LogAttrs(ctx, slog.LevelError, "call failed", append(attrs, o.advice(code)...)...)
}

func subject(hook, method string) slog.Attr {
	if hook != "" {
		return slog.String(logging.KeyHook, hook)
	}
	return slog.String(logging.KeyMethod, method)
}

// advice returns the settings to change when a message is over the limit.
func (o *observer) advice(code codes.Code) []slog.Attr {
	if code != codes.ResourceExhausted {
		return nil
	}
	return []slog.Attr{
		slog.Int(logging.KeyLimit, o.cfg.MaxMessageBytes),
		slog.String(logging.KeySetting, "--max-message-size"),
		slog.String(logging.KeyGatewaySetting, "extensionManager.maxMessageSize"),
	}
}
