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

// Settings of TestChaos in the environment.
const (
	// chaosSeed repeats a run: it printed the seed.
	chaosSeed = "EGRAFT_CHAOS_SEED"
	// chaosKills is how often egraft is killed, 20 times if it is not set.
	chaosKills = "EGRAFT_CHAOS_KILLS"
)

// chaosTargets is how many routes come, go and change.
const chaosTargets = 4

// chaosIdentities are what policies name.
var chaosIdentities = []string{"/chaos-a", "/chaos-b"}

// wrong, in place of an identity, is a policy that makes no sense.
const wrong = "wrong"

// chaosTarget is a route and its policy, each of which may be missing.
type chaosTarget struct {
	route    bool
	identity string // empty for no policy
}

// wanted is how requests for the target are answered.
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

// chaosChange gives one target another state, a while after what came before.
type chaosChange struct {
	pause  time.Duration
	number int
	to     chaosTarget
}

// chaosRound is what happens from one kill to the next.
type chaosRound struct {
	before, while []chaosChange // egraft is killed, and while it is away
	kill, start   time.Duration // pauses before it
}

// chaosPlan is all that happens, by a seed.
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

// pause is mostly shorter than what it is between, such as a change and its effect, and
// sometimes longer.
func pause(random *rand.Rand, mean time.Duration) time.Duration {
	return time.Duration(random.ExpFloat64() * float64(mean))
}

// number is a setting.
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
