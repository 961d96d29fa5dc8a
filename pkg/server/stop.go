package server

import (
	"time"

	"github.com/egraft/egraft/pkg/logging"
)

// stop ends the service; calls that do not finish in time are cut off.
func (s *Server) stop() {
	s.ready.set(false)
	s.health.Shutdown()
	close(s.draining)
	s.cfg.Log.Info("stopping", logging.KeyLimit, s.cfg.ShutdownTimeout)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
	}()
	timer := time.NewTimer(s.cfg.ShutdownTimeout)
	defer timer.Stop()
	select {
	case <-done:
		s.cfg.Log.Info("stopped")
	case <-timer.C:
		s.grpc.Stop()
		s.cfg.Log.Warn("stopped before calls were finished", logging.KeySetting, "--shutdown-timeout")
	}
}
