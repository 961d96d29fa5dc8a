package server

import (
	"time"

	"github.com/egraft/egraft/internal/logging"
)

// stop stops the service and aborts calls that do not finish in time.
func (s *Server) stop() {
	s.ready.set(false)
	s.health.Shutdown()
	close(s.draining)
	s.cfg.Log.Info("stopping", logging.KeyTimeout, s.cfg.ShutdownTimeout)
	select {
	case <-s.drained():
		s.cfg.Log.Info("stopped")
	case <-time.After(s.cfg.ShutdownTimeout):
		// In the background: while GracefulStop waits for a call that ignores its context, Stop
		// waits for GracefulStop (grpc-go 1.83, both hold one lock).
		go s.grpc.Stop()
		s.cfg.Log.Warn("stopped with calls in flight", logging.KeySetting, "--shutdown-timeout")
	}
}

// drained stops accepting calls and returns a channel that is closed when none is in flight.
func (s *Server) drained() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
	}()
	return done
}
