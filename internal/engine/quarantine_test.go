package engine_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// panicking returns a feature that panics on clusters except good while it is broken, and counts
// its runs on these.
func panicking(runs *atomic.Int32, broken *atomic.Bool) mutator.Feature {
	f := clusterFeature("fragile", mutator.Deny, func(_ context.Context, c *clusterv3.Cluster) error {
		if c.GetName() != "good" {
			if runs.Add(1); broken.Load() {
				panic("at the disco")
			}
		}
		return nil
	})
	f.Policies = []policy.Kind{policy.NewKind[struct {
		APIVersion string         `json:"apiVersion"`
		Kind       string         `json:"kind"`
		Metadata   map[string]any `json:"metadata"`
	}](schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "P"}, nil)}
	return f
}

func policyNamed(name string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"P","metadata":{"name":%q}}`, name)
}

// TestQuarantine follows one input through quarantine, release and another failure.
func TestQuarantine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		runs, broken := &atomic.Int32{}, &atomic.Bool{}
		broken.Store(true)
		f := newFixture(t, panicking(runs, broken))

		_, res := f.send(nil, "bad", "good")
		require.Equal(t, []engine.Result{engine.Denied, engine.Panicked, engine.Unchanged}, verdicts(res))
		require.Equal(t, 1, f.Quarantined())

		alive, res := f.send(nil, "bad", "good")
		require.Equal(t, []bool{false, true}, alive)
		require.Equal(t, []engine.Result{engine.Denied, engine.Quarantined, engine.Unchanged}, verdicts(res))
		require.EqualError(t, res.Outcomes[0].Err, "quarantined: panic: at the disco")
		require.EqualValues(t, 1, runs.Load(), "not run")

		for i, wait := range []time.Duration{10, 20, 40, 80, 160, 320, 600, 600} {
			synctest.Wait()
			time.Sleep(wait*time.Second - time.Nanosecond) //nolint:forbidigo // the clock is synctest's
			f.send(nil, "bad")
			require.EqualValues(t, i+1, runs.Load(), "after almost %d s", wait)
			time.Sleep(time.Nanosecond) //nolint:forbidigo // the clock is synctest's
			f.send(nil, "bad")
			require.EqualValues(t, i+2, runs.Load(), "after %d s", wait)
		}

		broken.Store(false)
		time.Sleep(10 * time.Minute) //nolint:forbidigo // the clock is synctest's
		require.Zero(t, f.Quarantined())
		alive, _ = f.send(nil, "bad")
		require.Equal(t, []bool{true}, alive)
		broken.Store(true)
		f.send(nil, "bad")
		time.Sleep(10 * time.Second) //nolint:forbidigo // the clock is synctest's
		before := runs.Load()
		f.send(nil, "bad")
		require.Equal(t, before+1, runs.Load(), "after success the wait is the first again")
	})
}

// TestOtherInputIsNotInQuarantine changes each part of the input that a mutator may read.
func TestOtherInputIsNotInQuarantine(t *testing.T) {
	runs, broken := &atomic.Int32{}, &atomic.Bool{}
	broken.Store(true)
	f := newFixture(t, panicking(runs, broken))
	f.send([][]byte{policyNamed("a")}, "bad")
	f.send([][]byte{policyNamed("a")}, "bad")
	require.EqualValues(t, 1, runs.Load())
	f.send([][]byte{policyNamed("b")}, "bad")
	require.EqualValues(t, 2, runs.Load(), "another policy")
	f.send([][]byte{policyNamed("b")}, "bad too")
	require.EqualValues(t, 3, runs.Load(), "another resource")

	changed := eds("bad")
	changed.AltStatName = "changed"
	raw, err := proto.Marshal(changed)
	require.NoError(t, err)
	_, err = f.Engine.Run(t.Context(), &engine.Call{
		Hook: mutator.HookCluster, Objects: [][]byte{policyNamed("b")},
		Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{raw}}},
	})
	require.NoError(t, err)
	require.EqualValues(t, 4, runs.Load(), "the resource with other content")
}

// TestQuarantineIsBounded panics on more inputs than the quarantine holds.
func TestQuarantineIsBounded(t *testing.T) {
	runs, broken := &atomic.Int32{}, &atomic.Bool{}
	broken.Store(true)
	f := newFixture(t, panicking(runs, broken))
	var names []string
	for i := range 3000 {
		names = append(names, fmt.Sprint(i))
	}
	f.send(nil, names...)
	require.Equal(t, 1024, f.Quarantined())
}

// TestMutatorThatFailsIsRunAgain: an input on which a mutator returns an error is not quarantined.
func TestMutatorThatFailsIsRunAgain(t *testing.T) {
	runs := &atomic.Int32{}
	f := newFixture(t, clusterFeature("fails", mutator.Deny, func(context.Context, *clusterv3.Cluster) error {
		runs.Add(1)
		return context.DeadlineExceeded // the mutator's own error, not a timeout of the sandbox
	}))
	f.send(nil, "one")
	f.send(nil, "one")
	require.EqualValues(t, 2, runs.Load())
}

// TestOtherRoutesAreOtherInput: the routes to a cluster are part of the input.
func TestOtherRoutesAreOtherInput(t *testing.T) {
	runs, broken := &atomic.Int32{}, &atomic.Bool{}
	broken.Store(true)
	fragile := panicking(runs, broken)
	fragile.Hooks = []mutator.Hook{mutator.HookTranslation}
	f := newFixture(t, fragile)
	send := func(gateway string) {
		md, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "ns", "name": gateway}}})
		require.NoError(t, err)
		rc, err := proto.Marshal(&routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{{
			Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": md}},
			Routes: []*routev3.Route{{Action: &routev3.Route_Route{Route: &routev3.RouteAction{
				ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "bad"},
			}}}},
		}}})
		require.NoError(t, err)
		c, err := proto.Marshal(eds("bad"))
		require.NoError(t, err)
		_, err = f.Engine.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{
			{Kind: mutator.KindCluster, Encoded: [][]byte{c}}, {Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{rc}},
		}})
		require.NoError(t, err)
	}
	send("one")
	send("one")
	require.EqualValues(t, 1, runs.Load())
	send("two")
	require.EqualValues(t, 2, runs.Load())
}

// TestQuarantineOfTheSameContent: Envoy Gateway encodes maps in random order in each call.
func TestQuarantineOfTheSameContent(t *testing.T) {
	c := eds("bad")
	c.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"a": {}, "b": {}, "c": {}}}
	encodings := map[string]bool{}
	for range 1000 {
		b, err := proto.Marshal(c)
		require.NoError(t, err)
		encodings[string(b)] = true
	}
	require.Greater(t, len(encodings), 1)
	runs, broken := &atomic.Int32{}, &atomic.Bool{}
	broken.Store(true)
	f := newFixture(t, panicking(runs, broken))
	for b := range encodings {
		list := engine.Resources{Kind: mutator.KindCluster, Encoded: [][]byte{[]byte(b)}}
		_, err := f.Engine.Run(t.Context(), &engine.Call{Hook: mutator.HookCluster, Resources: []engine.Resources{list}})
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, runs.Load())
}
