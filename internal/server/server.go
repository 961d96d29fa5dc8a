// Package server runs a gRPC service for Envoy Gateway: listeners, access control, limits,
// deadlines, panic recovery, health, the admin listener and graceful shutdown.
//
// It knows gRPC and the operating system, but neither the engine nor Envoy Gateway's messages.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/egraft/egraft/internal/logging"
)

// Server serves once. Create it with [New].
type Server struct {
	cfg    Config
	grpc   *grpc.Server
	health *health.Server
	ready  ready
	// draining is closed when shutdown starts.
	draining chan struct{}
	listen   func(context.Context) (net.Listener, error)
	peers    *peerCredentials // nil on TCP
	socket   atomic.Pointer[reopeningListener]
}

// New creates a server without opening a listener. It returns an error if the configuration is
// invalid or certificates cannot be read.
func New(cfg Config) (*Server, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	creds, err := credentialsFor(&cfg)
	if err != nil {
		return nil, err
	}
	if cfg.Healthy == nil {
		cfg.Healthy = func() error { return nil }
	}
	s := &Server{cfg: cfg, health: health.NewServer(), draining: make(chan struct{})}
	s.peers, _ = creds.(*peerCredentials)
	s.listen = s.cfg.listen
	s.grpc = grpc.NewServer(options(&s.cfg, s.draining, creds)...)
	s.register()
	s.health.Shutdown() // not serving until Run does
	return s, nil
}

// Run serves until ctx ends, then lets calls in flight finish within the shutdown timeout and
// returns nil. It returns an error if a listener cannot be opened or fails.
func (s *Server) Run(ctx context.Context) error {
	admin, err := s.openAdmin(ctx)
	if err != nil {
		return err
	}
	defer admin.close()
	failed := make(chan error, 2)
	go report(failed, "serve the admin address", admin.serve)
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	if socket, ok := listener.(*reopeningListener); ok {
		s.socket.Store(socket)
	}
	// gRPC closes it as well, but only once Serve runs, which may be after shutdown.
	defer listener.Close()
	go report(failed, "serve gRPC", func() error { return s.grpc.Serve(listener) })
	s.announce(listener.Addr(), admin.addr())
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.stop()
	return err
}

// announce reports the server as healthy and ready.
func (s *Server) announce(addr, admin net.Addr) {
	s.health.Resume()
	s.ready.set(true)
	s.cfg.Log.Info("serving", logging.KeyAddress, name(addr), logging.KeyAdminAddress, name(admin))
	if s.cfg.Started != nil {
		s.cfg.Started(addr, admin)
	}
}

// healthy returns why new clients cannot connect or the service is unhealthy, or nil.
func (s *Server) healthy() error {
	return errors.Join(s.socket.Load().unreachable(), s.cfg.Healthy())
}

// register adds the services.
func (s *Server) register() {
	grpc_health_v1.RegisterHealthServer(s.grpc, checked{s.health, s.healthy})
	s.cfg.Register(s.grpc)
	if s.cfg.Reflection {
		reflection.Register(s.grpc)
	}
	for service := range s.grpc.GetServiceInfo() {
		s.health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
	}
}

// report runs a serve loop and sends the error that ends it.
func report(failed chan<- error, what string, serve func() error) {
	if err := serve(); err != nil {
		failed <- fmt.Errorf("%s: %w", what, err)
	}
}

// name formats an address as gRPC does.
func name(a net.Addr) slog.Value {
	switch {
	case a == nil:
		return slog.StringValue("off")
	case a.Network() == "unix":
		return slog.StringValue("unix:" + a.String())
	default:
		return slog.StringValue(a.String())
	}
}
