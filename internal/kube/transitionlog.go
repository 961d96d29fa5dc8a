package kube

import (
	"log/slog"
	"time"

	"github.com/egraft/egraft/internal/logging"
)

// transitionLog logs when the API server becomes unavailable or available again, not each outcome.
// It logs a missing permission once per process.
type transitionLog struct {
	log       *slog.Logger
	down      bool
	forbidden map[string]bool // by writer
}

func (t *transitionLog) unavailable(wait time.Duration, err error) {
	if !t.down {
		t.log.Warn("API server unavailable, policy outcomes queued", logging.KeyRetryAfter, wait, logging.KeyError, err)
	}
	t.down = true
}

func (t *transitionLog) available() {
	if t.down {
		t.log.Info("API server available")
	}
	t.down = false
}

func (t *transitionLog) missingPermission(k key, rule string, err error) {
	if !t.forbidden[k.what] {
		t.log.Warn("cannot write policy outcomes, missing permission", logging.KeyPermission, rule, logging.KeyError, err)
	}
	t.forbidden[k.what] = true
}

func (t *transitionLog) rejected(k key, err error) {
	t.log.Warn("API server rejected policy outcome", logging.KeyPolicy, k.String(), logging.KeyWrite, k.what, logging.KeyError, err)
}
