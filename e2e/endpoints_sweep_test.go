//go:build e2e

package e2e

import (
	"os"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/ads"
)

// experiment skips experiments that take minutes and prove nothing.
func experiment(t *testing.T) {
	t.Helper()
	if os.Getenv("EGRAFT_E2E_EXPERIMENTS") == "" {
		t.Skip("an experiment: set EGRAFT_E2E_EXPERIMENTS=1 to run it")
	}
}

// sweepTimeouts are the timeouts; 0 is Envoy's own.
var sweepTimeouts = []time.Duration{0, time.Second, 500 * time.Millisecond, 200 * time.Millisecond}

// TestLateEndpointsSweep shows what a client sees for all timeouts and delays.
func TestLateEndpointsSweep(t *testing.T) {
	needs(t, here)
	experiment(t)
	scenarios := []struct {
		name string
		run  func(*lab, time.Duration, time.Duration) ads.Timeline
	}{{"cold", (*lab).cold}, {"added", (*lab).added}, {"edited", (*lab).edited}, {"converted", (*lab).converted}}
	delays := []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond, time.Second, 3 * time.Second, never}
	for _, s := range scenarios {
		for _, timeout := range sweepTimeouts {
			for _, delay := range delays {
				t.Run(s.name+"/"+shown(timeout, "unset")+"/"+shown(delay, "never"), func(t *testing.T) {
					l := newLab(t)
					seen := s.run(l, timeout, delay)
					t.Logf("| %s | %s | %s | %s | %d |", s.name, shown(timeout, "unset"), shown(delay, "never"), seen, l.timeouts())
				})
			}
		}
	}
}

// shown returns a duration, or a word if there is none.
func shown(d time.Duration, none string) string {
	if d == never || d == 0 && none == "unset" {
		return none
	}
	return d.String()
}
