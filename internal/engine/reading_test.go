package engine_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// thing is a policy that specifies what happens when it is read.
type thing struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       struct {
		TargetRefs []policy.Target `json:"targetRefs"`
		Reading    string          `json:"reading"`
	} `json:"spec"`
}

var thingKind = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}

func thingNamed(namespace, name, reading string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":%q,"name":%q},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":%q}],"reading":%q}}`, namespace, name, name, reading)
}

// reading is a feature whose policies hang, panic or are slow when they are read. It denies the
// clusters of unusable policies. A cluster has the name of its policy.
type reading struct {
	release chan struct{}
	runs    atomic.Int32
	mended  atomic.Bool
}

func (r *reading) validate(t *thing) field.ErrorList {
	r.runs.Add(1)
	switch {
	case r.mended.Load():
	case t.Spec.Reading == "hangs":
		<-r.release
	case t.Spec.Reading == "panics":
		panic("at the disco")
	case t.Spec.Reading == "is slow":
		time.Sleep(4 * time.Second) //nolint:forbidigo // the clock is synctest's
	case t.Spec.Reading == "fails":
		return field.ErrorList{field.Invalid(field.NewPath("spec"), "", "is bad")}
	}
	return nil
}

func (r *reading) feature() mutator.Feature {
	return mutator.Feature{
		Name: "things", Hooks: []mutator.Hook{mutator.HookCluster},
		Policies: []policy.Kind{policy.NewKind(thingKind, r.validate)},
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
			for _, o := range in.Objects.Of(thingKind) {
				if len(o.Targets) == 1 && o.Targets[0].Name == c.GetName() {
					return o.Err
				}
			}
			return errors.New("it has no policy")
		}},
	}
}

func newReading(t *testing.T, options ...engine.Option) (*reading, fixture) {
	r := &reading{release: make(chan struct{})}
	e, err := engine.New([]mutator.Feature{r.feature()}, options...)
	require.NoError(t, err)
	return r, fixture{t, e}
}

// sendIn is [fixture.send] with another timeout of the call.
func (f fixture) sendIn(limit time.Duration, policies [][]byte, names ...string) (alive []bool, res *engine.Response) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), limit)
	defer cancel()
	list := engine.Resources{Kind: mutator.KindCluster}
	for _, n := range names {
		list.Encoded = append(list.Encoded, encode(f.T, eds(n)))
	}
	res, err := f.Engine.Run(ctx, &engine.Call{Hook: mutator.HookCluster, Objects: policies, Resources: []engine.Resources{list}})
	require.NoError(f, err)
	for _, b := range res.Resources[0].Encoded {
		c := &clusterv3.Cluster{}
		require.NoError(f, proto.Unmarshal(b, c))
		alive = append(alive, c.GetEdsClusterConfig() != nil)
	}
	return alive, res
}

// TestReadingIsContained reads policies one of which fails: its target gets the failure policy, the
// others are in effect, and the next call skips it.
func TestReadingIsContained(t *testing.T) {
	for how, c := range map[string]struct {
		err  string
		took time.Duration
	}{
		"hangs":   {"cannot be read: timed out", sandbox.DefaultTimeout},
		"panics":  {"cannot be read: panic: at the disco", 0},
		"is slow": {"", 4 * time.Second},
		"fails":   {`spec: Invalid value: "": is bad`, 0},
	} {
		for name, options := range map[string][]engine.Option{"with memory": {engine.WithCache(1 << 20)}, "without": nil} {
			t.Run(how+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, f := newReading(t, options...)
					policies := [][]byte{thingNamed("a", "good", ""), thingNamed("b", "bad", how), thingNamed("c", "fine", "")}
					for call := range 3 {
						begin := time.Now()
						r.runs.Store(0)
						alive, res := f.send(policies, "good", "bad", "fine")
						require.Equal(t, []bool{true, c.err == "", true}, alive)
						if c.err != "" {
							require.EqualError(t, res.Outcomes[1].Err, c.err)
						}
						switch {
						case call == 0:
							require.Equal(t, c.took, time.Since(begin))
						case c.err == "" && len(options) == 0:
						default:
							require.Zero(t, time.Since(begin))
						}
						if call == 1 && (how == "hangs" || how == "panics") {
							require.Equal(t, 1, f.Quarantined())
							require.LessOrEqual(t, r.runs.Load(), int32(2), "not run again")
							require.Len(t, res.Warnings, 1)
							require.EqualError(t, res.Warnings[0], "Thing b/bad "+c.err)
						}
					}
					require.NoError(t, f.Health(), "the feature goes on")
					close(r.release)
					synctest.Wait()
					require.Zero(t, f.Abandoned())
				})
			})
		}
	}
}

// TestReadingIsTriedAgain: an object is read again after its quarantine.
func TestReadingIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := newReading(t, engine.WithCache(1<<20))
		policies := [][]byte{thingNamed("b", "bad", "panics")}
		alive, _ := f.send(policies, "bad")
		require.Equal(t, []bool{false}, alive)
		r.mended.Store(true)
		time.Sleep(10*time.Second - time.Nanosecond) //nolint:forbidigo // the clock is synctest's
		alive, _ = f.send(policies, "bad")
		require.Equal(t, []bool{false}, alive)
		time.Sleep(10 * time.Second) //nolint:forbidigo // the clock is synctest's
		alive, res := f.send(policies, "bad")
		require.Equal(t, []bool{true}, alive)
		require.Empty(t, res.Warnings)
		require.Zero(t, f.Quarantined())
	})
}

// TestReadingKeepsTheDeadline has many policies that hang, in calls with short and long timeouts.
// One namespace must not keep policies of another from being read.
func TestReadingKeepsTheDeadline(t *testing.T) {
	for _, limit := range []time.Duration{time.Second, callTimeout} {
		t.Run(limit.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, f := newReading(t)
				var policies [][]byte
				for i := range 200 {
					policies = append(policies, thingNamed("evil", fmt.Sprint(i), "hangs"))
				}
				policies = append(policies, thingNamed("victim", "good", "is fine"))
				for range 3 {
					begin := time.Now()
					alive, _ := f.sendIn(limit, policies, "7", "good")
					require.Equal(t, []bool{false, true}, alive)
					require.Less(t, time.Since(begin), limit)
				}
				require.LessOrEqual(t, f.Abandoned(), 5)
				close(r.release)
				synctest.Wait()
				require.Zero(t, f.Abandoned())
			})
		})
	}
}

// TestReadingOfWhatChanged: a changed object is read without waiting for the quarantine of its old
// content.
func TestReadingOfWhatChanged(t *testing.T) {
	_, f := newReading(t)
	alive, res := f.send([][]byte{thingNamed("b", "bad", "panics")}, "bad")
	require.Equal(t, []bool{false}, alive)
	p := (*sandbox.PanicError)(nil)
	require.ErrorAs(t, res.Warnings[0], &p, "for the log, with its stack")
	alive, _ = f.send([][]byte{thingNamed("b", "bad", "is mended")}, "bad")
	require.Equal(t, []bool{true}, alive)
}

// TestReadingTakesLessAndLess: the timeout is halved after each policy that times out, down to a
// 32nd.
func TestReadingTakesLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, f := newReading(t)
		var policies [][]byte
		for i := range 8 {
			policies = append(policies, thingNamed(fmt.Sprint("ns", i), fmt.Sprint(i), "hangs"))
		}
		begin := time.Now()
		f.sendIn(time.Hour, policies, "7")
		const d = sandbox.DefaultTimeout
		require.Equal(t, d+d/2+d/4+d/8+d/16+3*(d/32), time.Since(begin))
		close(r.release)
		synctest.Wait()
	})
}
