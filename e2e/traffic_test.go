//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// trafficInterval is the pause between requests: short enough to cover every moment of a change,
// long enough to leave two cores for the parts.
const trafficInterval = 15 * time.Millisecond

// traffic is requests for one host, one after another, each on a new connection, and their results.
type traffic struct {
	s    *scenario
	host string
	stop func()

	mu       sync.Mutex
	served   int
	failures []string
	serials  map[string]bool
}

// traffic starts requests, and stops them at the latest at the end of the test.
func (s *scenario) traffic(host string) *traffic {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.ctx)
	done := make(chan struct{})
	tr := &traffic{s: s, host: host, serials: map[string]bool{}, stop: func() { cancel(); <-done }}
	s.t.Cleanup(tr.stop)
	go func() {
		defer close(done)
		tr.send(ctx)
	}()
	return tr
}

// send sends requests until the context ends.
func (tr *traffic) send(ctx context.Context) {
	ticker := time.NewTicker(trafficInterval)
	defer ticker.Stop()
	for ctx.Err() == nil {
		response, err := tr.s.env.Get(ctx, tr.host, "/")
		if ctx.Err() != nil {
			return // the request was cancelled
		}
		switch {
		case err != nil:
			tr.failed(err.Error())
		case response.Echo == nil:
			tr.failed(response.String())
		default:
			tr.succeeded(response.Echo.Serial)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		}
	}
}

func (tr *traffic) failed(why string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.failures = append(tr.failures, time.Now().Format(time.TimeOnly)+" "+why)
}

func (tr *traffic) succeeded(serial string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.served++
	tr.serials[serial] = true
}

// waitServed waits until the given number of additional requests were served.
func (tr *traffic) waitServed(more int) {
	tr.s.t.Helper()
	start, _ := tr.counts()
	tr.s.wait(fmt.Sprintf("%d more requests for %s", more, tr.host), func(context.Context) error {
		if served, _ := tr.counts(); served-start < more {
			return fmt.Errorf("%d were served", served-start)
		}
		return nil
	})
}

// waitSerials waits until requests arrived with the given number of different certificates.
func (tr *traffic) waitSerials(wanted int) {
	tr.s.t.Helper()
	tr.s.wait(fmt.Sprintf("%d certificates", wanted), func(context.Context) error {
		if _, serials := tr.counts(); serials < wanted {
			return fmt.Errorf("%d were seen", serials)
		}
		return nil
	})
}

func (tr *traffic) counts() (served, serials int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.served, len(tr.serials)
}

// mustAllBeServed stops the requests and fails the test if any request failed.
func (tr *traffic) mustAllBeServed() {
	tr.s.t.Helper()
	tr.stop()
	tr.s.t.Logf("%s: %d requests served with %d certificates, %d failed", tr.host, tr.served, len(tr.serials), len(tr.failures))
	if len(tr.failures) > 0 {
		tr.s.t.Errorf("%d requests for %s failed, the first: %s", len(tr.failures), tr.host, tr.failures[0])
	}
	if tr.served == 0 {
		tr.s.t.Errorf("no request for %s was served", tr.host)
	}
}
