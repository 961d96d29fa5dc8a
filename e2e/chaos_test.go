//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestChaos: egraft is killed at random moments while routes and policies change and requests are
// sent. No request for an unchanged route fails, and in the end Envoy has the same configuration as
// after a run without kills in which the final resources were the first.
func TestChaos(t *testing.T) {
	needs(t, here)
	plan := newChaosPlan(t)
	var undisturbed map[string]string
	t.Run("undisturbed", func(t *testing.T) {
		c := startChaos(t, plan)
		for i, target := range plan.final {
			c.change(chaosChange{number: i, to: target})
		}
		c.untilFinal()
		var err error
		undisturbed, err = c.configuration(c.soon())
		c.must(err)
		require.Greater(t, len(undisturbed), 5)
	})
	t.Run("killed", func(t *testing.T) {
		c := startChaos(t, plan)
		traffic := []*traffic{c.traffic(plainRoute.Host()), c.traffic(echoRoute.Host())}
		for _, round := range plan.rounds {
			c.round(round)
		}
		c.untilFinal()
		c.wait("the configuration of an undisturbed run", func(ctx context.Context) error {
			now, err := c.configuration(ctx)
			if err != nil {
				return err
			}
			return sameConfiguration(undisturbed, now)
		})
		for _, each := range traffic {
			each.mustAllBeServed()
		}
		c.tellRestarts(len(plan.rounds))
	})
}

// chaos is an environment with routes that do not change, one of them with a policy.
type chaos struct {
	*fixture
	plan *chaosPlan
}

func startChaos(t *testing.T, plan *chaosPlan) *chaos {
	t.Helper()
	f := startFor(t, 4*time.Minute+10*time.Second*time.Duration(len(plan.rounds)), standalone.Options{Backends: backendsForAll()})
	for _, identity := range chaosIdentities {
		f.entitled(identity)
	}
	f.routes(plainRoute, echoRoute)
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)
	f.until(plainRoute.Host(), "a response", cleartext)
	return &chaos{f, plan}
}

// round kills and restarts egraft once.
func (c *chaos) round(r chaosRound) {
	c.t.Helper()
	for _, change := range r.before {
		c.change(change)
	}
	c.pass(r.kill)
	c.must(c.Egraft.Kill())
	for _, change := range r.while {
		c.change(change)
	}
	c.pass(r.start)
	c.must(c.StartEgraft(c.soon()))
}

func (c *chaos) route(i int) manifest.Route {
	return manifest.Route{Name: fmt.Sprintf("chaos-%d", i), Port: echoRoute.Port}
}

// change writes or deletes the files of a target.
func (c *chaos) change(change chaosChange) {
	c.t.Helper()
	c.pass(change.pause)
	route := c.route(change.number)
	if change.to.route {
		c.must(c.Apply(c.ctx, route.Name, route.YAML()))
	} else {
		c.must(c.Delete(c.ctx, route.Name))
	}
	policy := c.policy("HTTPRoute", route.Name, "")
	switch policy.Identity = change.to.identity; change.to.identity {
	case "":
		c.must(c.Delete(c.ctx, policy.Name))
	case wrong:
		policy.Identity = manifest.EnvoyIdentity
		c.must(c.ApplyPolicy(c.ctx, invalid(policy)))
	default:
		c.must(c.ApplyPolicy(c.ctx, policy))
	}
}

// pass lets time pass, so that the next event can happen at any moment of the previous one.
func (c *chaos) pass(d time.Duration) {
	select {
	case <-c.ctx.Done():
	case <-time.After(d):
	}
}

// untilFinal waits until all targets behave as in the final state.
func (c *chaos) untilFinal() {
	c.t.Helper()
	for i, target := range c.plan.final {
		c.until(c.route(i).Host(), fmt.Sprintf("the answer of %+v", target), target.wanted())
	}
	c.must(c.WaitSettled(c.soon()))
}

// configuration returns Envoy's configuration, without the directory of the environment.
func (c *chaos) configuration(ctx context.Context) (map[string]string, error) {
	got, err := c.Configuration(ctx)
	out := map[string]string{}
	for name, content := range got {
		out[strings.ReplaceAll(name, c.Dir, "/DIR")] = strings.ReplaceAll(content, c.Dir, "/DIR")
	}
	return out, err
}

// sameConfiguration returns an error that names the resources that differ, and shows the first.
func sameConfiguration(undisturbed, now map[string]string) error {
	var names []string
	both := maps.Clone(undisturbed)
	maps.Copy(both, now)
	for name := range both {
		if undisturbed[name] != now[name] {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return fmt.Errorf("different: %q; undisturbed:\n%s\nnow:\n%s", names, undisturbed[names[0]], now[names[0]])
}

// tellRestarts logs how long Envoy Gateway took to call egraft after each start.
func (c *chaos) tellRestarts(kills int) {
	c.t.Helper()
	lines, err := standalone.LogLines(c.Egraft, 0)
	c.must(err)
	served, starts := toFirstCall(c.t, lines)
	require.Equal(c.t, kills+1, starts, "starts in the log")
	require.NotEmpty(c.t, served)
	slices.Sort(served)
	c.t.Logf("%d restarts, %d of them up to a call of Envoy Gateway: it came after %s (median), %s at most",
		kills, len(served), served[len(served)/2].Round(time.Millisecond), served[len(served)-1].Round(time.Millisecond))
}

// toFirstCall returns, for each start after the first, the time until the first served call, if
// there was one before the next kill.
func toFirstCall(t *testing.T, lines []standalone.Line) (out []time.Duration, starts int) {
	t.Helper()
	var since time.Time
	for _, line := range lines {
		switch line.Message() {
		case "starting":
			if since = loggedAt(t, line); starts == 0 {
				since = time.Time{}
			}
			starts++
		case "call":
			if !since.IsZero() {
				out = append(out, loggedAt(t, line).Sub(since))
			}
			since = time.Time{}
		}
	}
	return out, starts
}

func loggedAt(t *testing.T, line standalone.Line) time.Time {
	t.Helper()
	text, _ := line["time"].(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err, slices.Sorted(maps.Keys(line)))
	return at
}
