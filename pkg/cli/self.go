package cli

import (
	"net/http"
	"sync"
	"time"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/server"
	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wiring"
)

// self is what the running egraft knows about itself.
type self struct {
	settings *settings
	started  time.Time
	calls    func() []telemetry.HookCalls
	health   func() error
	schemas  func() map[string]string
}

// newSelf reads the CRDs only when they are first requested, so that egraft starts fast.
func newSelf(s *settings, health func() error) *self {
	return &self{settings: s, started: time.Now(), health: health, schemas: sync.OnceValue(func() map[string]string {
		all, _ := crds.Schemas() // they are embedded, and a test reads them
		return all
	})}
}

// facts returns the facts for doctors.
func (s *self) facts() doctor.Egraft {
	info := version.Read()
	network, address := s.settings.Network()
	e := doctor.Egraft{
		Version: info.Version, EnvoyGateway: info.EnvoyGateway, Started: s.started,
		Features: names(s.settings), Needs: wiring.NeedsOf(s.settings.features), Network: network, Address: address,
		MaxMessageBytes: s.settings.MaxMessageSize.Value(), CallTimeout: s.settings.CallTimeout,
	}
	e.Schemas = s.schemas()
	if err := s.health(); err != nil {
		e.Unhealthy = err.Error()
	}
	for _, c := range s.calls() {
		e.Calls = append(e.Calls, doctor.Calls{
			Hook: string(c.Hook), OK: c.OK, Failed: c.Failed, TooLarge: c.TooLarge,
			Last: c.Last, LastCode: c.LastCode.String(), LargestBytes: int64(c.LargestBytes),
		})
	}
	return e
}

// serve adds the facts to the API.
func (s *self) serve(to *admin.API) {
	to.JSON("/api/v1/self", func(*http.Request) (any, error) {
		return struct {
			APIVersion int `json:"version"`
			doctor.Egraft
		}{1, s.facts()}, nil
	})
}

// results returns the results of the checks that egraft can run alone.
func (s *self) results() []doctor.Result {
	e := s.facts()
	e.Name = "egraft"
	return doctor.Self(&e, time.Now())
}

// verbose returns the checks for /readyz?verbose.
func (s *self) verbose() (out []server.Check) {
	for _, r := range s.results() {
		c := server.Check{Name: r.Code + " " + r.Title}
		if r.Status == doctor.Failed {
			c.Problem = r.Problems[0].Message
		}
		out = append(out, c)
	}
	return out
}

// metrics returns the checks for /metrics.
func (s *self) metrics() (out []telemetry.Check) {
	for _, r := range s.results() {
		out = append(out, telemetry.Check{Code: r.Code, Name: r.Name, Status: r.Status.Number()})
	}
	return out
}
