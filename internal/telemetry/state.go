package telemetry

import (
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/egraft/egraft/pkg/mutator"
)

// HookCalls are the calls of a hook since egraft started.
type HookCalls struct {
	Hook       mutator.Hook
	OK, Failed uint64
	// TooLarge counts calls that failed because a message was larger than the limit.
	TooLarge uint64
	// Last is the end of the last call, zero if there was none, and LastCode its status.
	Last     time.Time
	LastCode codes.Code
	// LargestBytes is the size of the largest message, in either direction.
	LargestBytes int
}

// state has the calls of a hook, for callers other than Prometheus.
type state struct {
	mu    sync.Mutex
	calls HookCalls
}

// observe records a call and returns the size of the largest message so far.
func (s *state) observe(code codes.Code, requestBytes, responseBytes int) (largest int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch code {
	case codes.OK:
		s.calls.OK++
	case codes.ResourceExhausted:
		s.calls.TooLarge++
		fallthrough
	default:
		s.calls.Failed++
	}
	s.calls.Last, s.calls.LastCode = time.Now(), code
	s.calls.LargestBytes = max(s.calls.LargestBytes, requestBytes, responseBytes)
	return s.calls.LargestBytes
}

// Calls returns the calls of each hook, in Envoy Gateway's order.
func (t *Telemetry) Calls() (out []HookCalls) {
	for _, h := range mutator.Hooks() {
		s := &t.calls.hooks[string(h)].state
		s.mu.Lock()
		c := s.calls
		s.mu.Unlock()
		c.Hook = h
		out = append(out, c)
	}
	return out
}
