//go:build e2e

package e2e

import (
	"cmp"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestEndpointsFetchTimeouts is the experiment behind the default of egraft's
// --endpoints-fetch-timeout. It takes minutes and proves nothing, so it runs on
// demand only: EGRAFT_E2E_EXPERIMENTS=1.
func TestEndpointsFetchTimeouts(t *testing.T) {
	if os.Getenv("EGRAFT_E2E_EXPERIMENTS") == "" {
		t.Skip("an experiment: set EGRAFT_E2E_EXPERIMENTS=1 to run it")
	}
	for _, timeout := range strings.Split(cmp.Or(os.Getenv("EGRAFT_E2E_TIMEOUTS"), "100ms,200ms,500ms,1s,15s"), ",") {
		t.Run(timeout, func(t *testing.T) {
			f := start(t, standalone.Options{Egraft: []string{"--endpoints-fetch-timeout", timeout}})
			f.must(f.ApplyRoutes(echoRoute))
			first := f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
			repeat := 5
			if timeout == "15s" {
				repeat = 1
			}
			t.Logf("first %s, then %s", first, f.toggle(repeat))
			for i := range 8 {
				f.newRoute(standalone.Route{Name: "new" + string(rune('a'+i)), Port: 3443})
			}
		})
	}
}

// toggle measures how long the policy takes to reach traffic, several times.
func (f *fixture) toggle(repeat int) []time.Duration {
	f.t.Helper()
	var out []time.Duration
	for range repeat {
		f.effect(f.wrongPeer(), echoRoute.Host(), standalone.Status(503))
		out = append(out, f.effect(f.Policy(), echoRoute.Host(), seesEnvoy))
	}
	slices.Sort(out)
	return out
}

// newRoute measures how long a route with a cluster of its own takes to serve,
// and shows what came before.
func (f *fixture) newRoute(route standalone.Route) {
	f.t.Helper()
	begin, answers := time.Now(), map[string]int{}
	f.must(f.ApplyRoutes(route))
	f.until(route.Host(), "the new route", func(r *standalone.Response) bool {
		key := strconv.Itoa(r.Status)
		if r.Status == 503 {
			key = r.String()
		}
		answers[key]++
		return seesEnvoy(r)
	})
	f.t.Logf("new route after %s, answers %v", time.Since(begin), answers)
	if len(answers) > 2 {
		line, err := f.WaitAccessLog(f.soon(), route.Host(), " 503 ")
		f.t.Log(line, err)
	}
}
