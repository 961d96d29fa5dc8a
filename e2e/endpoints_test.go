//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestEDSInitialFetchTimeouts is the experiment behind the default of egraft's
// --eds-initial-fetch-timeout: how long a policy takes to affect traffic, and the first responses
// of a new route. It takes minutes and proves nothing, so it runs only with
// EGRAFT_E2E_EXPERIMENTS=1.
func TestEDSInitialFetchTimeouts(t *testing.T) {
	needs(t, here)
	experiment(t)
	for _, timeout := range strings.Split(cmp.Or(os.Getenv("EGRAFT_E2E_TIMEOUTS"), "100ms,200ms,500ms,1s,15s"), ",") {
		t.Run(timeout, func(t *testing.T) {
			f := start(t, standalone.Options{Egraft: []string{"--eds-initial-fetch-timeout", timeout}})
			f.must(f.ApplyRoutes(f.ctx, echoRoute))
			first := f.effect(f.Policy(), echoRoute.Host(), seesEnvoy)
			repeat := 5
			if timeout == "15s" {
				repeat = 1
			}
			t.Logf("first %s, then %s", first, f.toggle(repeat))
			f.newRoutes(manifest.Route{Port: 3443})
		})
	}
}

// TestNewRoutesWithoutEgraft shows the first responses of new routes if Envoy Gateway has no
// extension server.
func TestNewRoutesWithoutEgraft(t *testing.T) {
	needs(t, here)
	experiment(t)
	f := start(t, standalone.Options{WithoutEgraft: true})
	f.newRoutes(manifest.Route{Port: 3080})
}

// toggle repeatedly measures how long the policy takes to affect traffic.
func (f *fixture) toggle(repeat int) []time.Duration {
	f.t.Helper()
	var out []time.Duration
	for range repeat {
		f.effect(f.wrongPeer(), echoRoute.Host(), envoy.Status(503))
		out = append(out, f.effect(f.Policy(), echoRoute.Host(), seesEnvoy))
	}
	slices.Sort(out)
	return out
}

// newRoutes measures how long routes with new clusters take to serve, one after the other, and
// shows the responses before that.
func (f *fixture) newRoutes(like manifest.Route) {
	f.t.Helper()
	for i := range 20 {
		like.Name = fmt.Sprintf("new%02d", i)
		begin, answers := time.Now(), map[string]int{}
		f.must(f.ApplyRoutes(f.ctx, like))
		f.until(like.Host(), "the new route", func(r *envoy.Response) bool {
			answers[fmt.Sprint(r.Status)]++
			return r.Status == 200
		})
		reason := ""
		if answers["503"] > 0 {
			line, err := f.WaitAccessLog(f.soon(), like.Host(), " 503 ")
			f.must(err)
			reason = strings.Join(strings.Fields(line)[2:5], " ")
		}
		f.t.Logf("%s serves after %s, answers %v %s", like.Name, time.Since(begin).Round(10*time.Millisecond), answers, reason)
	}
}
