package engine

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// goroutine is the number of the caller's.
func goroutine() string {
	var b [64]byte
	return strings.Fields(string(b[:runtime.Stack(b[:], false)]))[1]
}

// sharing counts how often it is asked about the caller's view on a goroutine that is not the
// caller's, and that may so be abandoned and see another resource under the view.
type sharing struct {
	caller string
	shared mutator.View
	count  atomic.Int64
}

func (s *sharing) Plan(_ *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	if v == s.shared && goroutine() != s.caller {
		s.count.Add(1)
	}
	return nil
}

// TestQuestionIsWatchedAsAWhole asks while other calls begin and end to be careful: a question
// is watched or not, and has a view of its own if it is.
func TestQuestionIsWatchedAsAWhole(t *testing.T) {
	s, chains, g := &sharing{caller: goroutine()}, map[mutator.Kind]runner{}, sandbox.New()
	features := []mutator.Feature{{Name: "f", Hooks: []mutator.Hook{mutator.HookCluster}, Clusters: s}}
	add(chains, g, mutator.HookCluster, features, mutator.KindCluster, (*clusterv3.Cluster)(nil), xds.DenyCluster,
		func(f mutator.Feature) mutator.Cluster { return f.Clusters }, false)
	c := chains[mutator.KindCluster].(*chain[*clusterv3.Cluster])
	raw := deterministic(t, &clusterv3.Cluster{Name: "c"})
	view := wire.NewView(c.fields, raw)
	s.shared = view

	var others sync.WaitGroup
	defer others.Wait()
	stop := make(chan struct{})
	defer close(stop)
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				g.Isolate()()
			}
		}
	})
	in := &mutator.Input{Hook: mutator.HookCluster}
	for end := time.Now().Add(time.Second); time.Now().Before(end) && s.count.Load() == 0; {
		_, err := c.query(t.Context(), in, &c.links[0], view, raw)
		require.NoError(t, err)
	}
	require.Zero(t, s.count.Load())
}
