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

// goroutine returns the number of the caller's goroutine.
func goroutine() string {
	var b [64]byte
	return strings.Fields(string(b[:runtime.Stack(b[:], false)]))[1]
}

// sharing counts how often it gets the caller's view on another goroutine, which may be abandoned
// and then see the view of another resource.
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

// TestQuestionIsWatchedAsAWhole queries while other calls start and end isolation: a query is
// either isolated and has its own view, or it is not isolated.
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
