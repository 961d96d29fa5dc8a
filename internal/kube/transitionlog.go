package kube

import (
	"log/slog"
	"time"

	"github.com/egraft/egraft/internal/logging"
)

// transitionLog logs troubles with the API server when they begin and when they end, and not for
// each outcome. That a permission is missing is said once in the life of the process.
type transitionLog struct {
	log       *slog.Logger
	down      bool
	forbidden map[string]bool // by writer
}

func (s *transitionLog) unavailable(wait time.Duration, err error) {
	if !s.down {
		s.log.Warn("API server unavailable, policy outcomes queued", logging.KeyRetryAfter, wait, logging.KeyError, err)
	}
	s.down = true
}

func (s *transitionLog) available() {
	if s.down {
		s.log.Info("API server available")
	}
	s.down = false
}

func (s *transitionLog) refused(k key, rule string, err error) {
	if !s.forbidden[k.what] {
		s.log.Warn("cannot write policy outcomes, missing permission", logging.KeyPermission, rule, logging.KeyError, err)
	}
	s.forbidden[k.what] = true
}

func (s *transitionLog) rejected(k key, err error) {
	s.log.Warn("API server rejected policy outcome", logging.KeyPolicy, k.String(), logging.KeyWrite, k.what, logging.KeyError, err)
}
