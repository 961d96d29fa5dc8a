//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// Environment variables of TestChaos.
const (
	// chaosSeed repeats a run with the seed that it printed.
	chaosSeed = "EGRAFT_CHAOS_SEED"
	// chaosKills is how often egraft is killed, by default 20 times.
	chaosKills = "EGRAFT_CHAOS_KILLS"
)

// chaosTargets is the number of routes that are created, changed and deleted.
const chaosTargets = 4

// chaosIdentities are the identities in policies.
var chaosIdentities = []string{"/chaos-a", "/chaos-b"}

// wrong, in place of an identity, makes a policy invalid.
const wrong = "wrong"

// chaosTarget is a route and its policy, each of which may be missing.
type chaosTarget struct {
	route    bool
	identity string // empty for no policy
}

// wanted returns a check of the expected response for the target.
func (c chaosTarget) wanted() func(*envoy.Response) bool {
	switch {
	case !c.route:
		return envoy.Status(404)
	case c.identity == "":
		return envoy.Status(400) // the backend rejects cleartext
	case c.identity == wrong:
		return rejected(500, deniedByEgraft)
	default:
		return envoy.Peer(manifest.ID(c.identity))
	}
}

// chaosChange changes one target after a pause.
type chaosChange struct {
	pause  time.Duration
	number int
	to     chaosTarget
}

// chaosRound is the events from one kill to the next.
type chaosRound struct {
	before, while []chaosChange // the kill, and while egraft is down
	kill, start   time.Duration // pauses before the kill and the start
}

// chaosPlan is all events of a run, determined by a seed.
type chaosPlan struct {
	seed   uint64
	rounds []chaosRound
	final  [chaosTargets]chaosTarget
}

func newChaosPlan(t *testing.T) *chaosPlan {
	t.Helper()
	kills := number(t, chaosKills, 20)
	p := &chaosPlan{seed: number(t, chaosSeed, uint64(time.Now().UnixNano()))}
	t.Logf("%s=%d %s=%d", chaosSeed, p.seed, chaosKills, kills)
	random := rand.New(rand.NewPCG(p.seed, 0))
	for range kills {
		p.rounds = append(p.rounds, chaosRound{
			before: p.changes(random, 1+random.IntN(3)), kill: pause(random, 1500*time.Millisecond),
			while: p.changes(random, random.IntN(3)), start: pause(random, 500*time.Millisecond),
		})
	}
	return p
}

func (p *chaosPlan) changes(random *rand.Rand, n int) (out []chaosChange) {
	for range n {
		c := chaosChange{pause: pause(random, 500*time.Millisecond), number: random.IntN(chaosTargets)}
		c.to = p.final[c.number]
		if random.IntN(3) == 0 {
			c.to.route = !c.to.route
		} else {
			c.to.identity = append([]string{"", wrong}, chaosIdentities...)[random.IntN(2+len(chaosIdentities))]
		}
		p.final[c.number] = c.to
		out = append(out, c)
	}
	return out
}

// pause is usually shorter than the time between the events around it, such as a change and its
// effect, but sometimes longer.
func pause(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(random.ExpFloat64() * float64(mean))
}

// number returns a setting.
func number(t *testing.T, variable string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", variable, err))
	}
	return n
}
