package engine_test

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// callTimeout is slightly longer than the server's: with the same timeout, the fourth mutator that
// hangs and the first attempt would time out at the same moment.
const callTimeout = 31 * time.Second

// fixture is an engine under test.
type fixture struct {
	*testing.T
	*engine.Engine
}

func newFixture(t *testing.T, features ...mutator.Feature) fixture {
	t.Helper()
	e, err := engine.New(features)
	require.NoError(t, err)
	return fixture{t, e}
}

// send sends clusters with the names and policies. It returns whether each cluster of the response
// still has its endpoints, and the response.
func (f fixture) send(policies [][]byte, names ...string) (alive []bool, res *engine.Response) {
	f.Helper()
	return f.sendIn(callTimeout, policies, names...)
}

// hanging returns a feature whose mutator hangs on clusters except good until released, ignores its
// context, and counts its runs.
func hanging(name string, runs *atomic.Int32, release <-chan struct{}) mutator.Feature {
	return clusterFeature(name, mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
		runs.Add(1)
		if c.GetName() != "good" {
			<-release
		}
		return nil
	})
}

// TestRunIsAbandoned: a resource waits for a mutator no longer than the timeout, and abandoned runs
// are counted until they end.
func TestRunIsAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, runs := make(chan struct{}), new(atomic.Int32)
		f := newFixture(t, hanging("slow", runs, release))
		begin := time.Now()
		alive, res := f.send(nil, "bad", "good")
		require.Equal(t, sandbox.DefaultTimeout, time.Since(begin))
		require.Equal(t, []bool{false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.TimedOut, engine.Unchanged}, verdicts(res))
		require.EqualError(t, res.Outcomes[0].Err, "abandoned: timed out after 5s")
		require.Equal(t, 1, f.Abandoned())
		require.NoError(t, f.Health())
		close(release)
		synctest.Wait()
		require.Zero(t, f.Abandoned())
	})
}

// TestMutatorThatHeedsItsContext: a mutator that returns when its context ends is not abandoned.
func TestMutatorThatHeedsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, clusterFeature("slow", mutator.Ignore, func(ctx context.Context, c *clusterv3.Cluster) error {
			c.AltStatName = "partial"
			<-ctx.Done()
			return ctx.Err()
		}))
		alive, res := f.send(nil, "bad")
		require.Equal(t, []bool{true}, alive)
		require.Equal(t, []engine.Result{engine.Ignored, engine.TimedOut}, verdicts(res))
		synctest.Wait()
		require.Zero(t, f.Abandoned())
	})
}

// TestAbandonedRunsAreBounded has a mutator that always hangs: after the maximum, no more runs
// start, the health reports it, and other features still run.
func TestAbandonedRunsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, runs := make(chan struct{}), new(atomic.Int32)
		other := clusterFeature("other", mutator.Deny, setTimeout)
		f := newFixture(t, other, hanging("slow", runs, release))
		alive, _ := f.send(nil, "1", "2", "3", "4")
		require.Equal(t, []bool{false, false, false, false}, alive)
		require.Equal(t, 4, f.Abandoned())
		begin := time.Now()
		alive, res := f.send(nil, "5", "6", "7", "8", "good")
		require.Zero(t, time.Since(begin), "at once")
		require.Equal(t, []bool{false, false, false, false, false}, alive)
		require.Equal(t, engine.Applied, res.Outcomes[0].Result)
		require.EqualError(t, res.Outcomes[1].Err, "not run: 4 timed-out goroutines still running")
		require.EqualValues(t, 4, runs.Load())
		require.Equal(t, 4, f.Abandoned())
		require.EqualError(t, f.Health(), "feature slow disabled: 4 timed-out goroutines still running")
		close(release)
		synctest.Wait()
		require.Zero(t, f.Abandoned(), "and no goroutine is left, or the test would not end")
		require.NoError(t, f.Health())
		alive, _ = f.send(nil, "5")
		require.Equal(t, []bool{true}, alive, "it runs again when they have ended")
	})
}

// TestCallerThatWaitsForLess: hung mutators of two features do not fail a call with a near
// deadline, and affect only their own resources.
func TestCallerThatWaitsForLess(t *testing.T) {
	for _, left := range []time.Duration{time.Second, 5 * time.Second, 10 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			release, runs := make(chan struct{}), new(atomic.Int32)
			f := newFixture(t, hanging("slow", runs, release), hanging("slower", runs, release))
			begin := time.Now()
			alive, res := f.sendIn(left, nil, "1", "good", "2")
			require.Less(t, time.Since(begin), left)
			require.Equal(t, []bool{false, true, false}, alive)
			require.Contains(t, verdicts(res), engine.TimedOut)
			require.ErrorContains(t, res.Outcomes[0].Err, "timed out after "+(left/6).String())
			close(release)
			synctest.Wait()
		})
	}
}

// TestQuestionThatHangs: a Plan that hangs affects only its own resource, and costs its timeout
// only once.
func TestQuestionThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release, asked := make(chan struct{}), new(atomic.Int32)
		f := newFixture(t, mutator.Feature{
			Name: "slow", Hooks: []mutator.Hook{mutator.HookCluster},
			Clusters: mutator.Func[*clusterv3.Cluster]{When: func(_ *mutator.Input, v mutator.View) bool {
				if asked.Add(1); v.Name() == "bad" {
					<-release
				}
				return false
			}},
		})
		begin := time.Now()
		alive, res := f.send(nil, "good", "bad", "fine")
		require.Less(t, time.Since(begin), callTimeout)
		require.Equal(t, []bool{true, false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.TimedOut}, verdicts(res))

		begin = time.Now()
		asked.Store(0)
		alive, res = f.send(nil, "good", "bad", "fine")
		require.Zero(t, time.Since(begin))
		require.EqualValues(t, 2, asked.Load())
		require.Equal(t, []bool{true, false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.Quarantined}, verdicts(res))
		close(release)
		synctest.Wait()
		require.Zero(t, f.Abandoned())
	})
}

// slow is a mutator whose Plan hangs.
type slow struct {
	mutator.Cluster
	release <-chan struct{}
}

// Plan implements [mutator.Planner].
func (s slow) Plan(in *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	p := s.Cluster.Plan(in, v)
	if p != nil {
		<-s.release
	}
	return p
}

// TestPlanThatHangs covers a mutator whose Plan returns a plan after hanging.
func TestPlanThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := clusterFeature("slow", mutator.Deny, setTimeout)
		hangs.Clusters = slow{hangs.Clusters, release}
		f := newFixture(t, hangs)
		begin := time.Now()
		alive, res := f.send(nil, "bad", "unwanted")
		require.Less(t, time.Since(begin), callTimeout)
		require.Equal(t, []bool{false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.TimedOut}, verdicts(res))
		begin = time.Now()
		alive, res = f.send(nil, "bad", "unwanted")
		require.Zero(t, time.Since(begin))
		require.Equal(t, []bool{false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.Quarantined}, verdicts(res))
		close(release)
		synctest.Wait()
	})
}

// TestPlanThatHangsSharesNothing processes another resource while a Plan hangs. The race detector
// finds shared state.
func TestPlanThatHangsSharesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hangs := clusterFeature("slow", mutator.Deny, setTimeout)
		hangs.Clusters = slow{hangs.Clusters, release}
		alive, _ := newFixture(t, hangs).send(nil, "bad", "worse")
		require.Equal(t, []bool{false, false}, alive)
		close(release)
		synctest.Wait()
	})
}

// slowAdder and slowReporter hang.
type (
	slowAdder    struct{ release <-chan struct{} }
	slowReporter struct{ release <-chan struct{} }
)

// Add implements [mutator.Adder].
func (a slowAdder) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	<-a.release
	return mutator.Additions{}, nil
}

// Report implements [mutator.Reporter].
func (r slowReporter) Report(*mutator.Input) []mutator.PolicyOutcome {
	<-r.release
	return nil
}

// TestAdditionsAndReportsThatHang: additions and reports that hang do not block a response.
func TestAdditionsAndReportsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		e, err := engine.New([]mutator.Feature{{
			Name: "slow", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: slowAdder{release}, Reporter: slowReporter{release},
		}})
		require.NoError(t, err)
		begin := time.Now()
		res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation})
		require.NoError(t, err)
		require.Equal(t, 2*sandbox.DefaultTimeout, time.Since(begin))
		require.Equal(t, []engine.Result{engine.Ignored, engine.TimedOut}, verdicts(res))
		require.Len(t, res.Warnings, 1)
		require.EqualError(t, res.Warnings[0], "report policy outcomes: abandoned: timed out after 5s")
		require.Equal(t, 2, e.Abandoned())
		close(release)
		synctest.Wait()
		require.Zero(t, e.Abandoned())
	})
}

// manyAdditions adds a number of clusters.
type manyAdditions int

// Add implements [mutator.Adder].
func (n manyAdditions) Add(context.Context, *mutator.Input) (a mutator.Additions, err error) {
	for i := range int(n) {
		a.Clusters = append(a.Clusters, eds(strconv.Itoa(i)))
	}
	return a, nil
}

func TestAdditionsAreLimited(t *testing.T) {
	for n, want := range map[manyAdditions]string{1000: "", 1003: "1003 resources of kind Cluster exceed the limit of 1000; only resources of the oldest policies are added"} {
		e, err := engine.New([]mutator.Feature{{Name: "many", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: n}})
		require.NoError(t, err)
		res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster}}})
		require.NoError(t, err)
		require.Len(t, res.Resources[0].Encoded, 1000)
		require.Equal(t, encode(t, eds("999")), res.Resources[0].Encoded[999], "the first are kept")
		if want != "" {
			require.EqualError(t, res.Outcomes[0].Err, want)
			require.Equal(t, engine.Ignored, res.Outcomes[0].Result)
		}
	}
}

func TestTimeLimit(t *testing.T) {
	_, err := engine.New(nil, engine.WithMutatorTimeout(0))
	require.EqualError(t, err, "timeout of mutators must be greater than 0")
	synctest.Test(t, func(t *testing.T) {
		e, err := engine.New([]mutator.Feature{clusterFeature("slow", mutator.Ignore, func(ctx context.Context, _ *clusterv3.Cluster) error {
			<-ctx.Done()
			return errors.New("not now")
		})}, engine.WithMutatorTimeout(time.Second))
		require.NoError(t, err)
		_, res := fixture{t, e}.send(nil, "one")
		require.EqualError(t, res.Outcomes[0].Err, "abandoned: timed out after 1s")
	})
}
