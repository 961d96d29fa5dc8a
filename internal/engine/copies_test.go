package engine_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// copier is a feature that adds copies of clusters, and calls its policies programmed.
type copier struct {
	agents
	copies func(in *mutator.Input) []mutator.Copy
}

func (c copier) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	return mutator.Additions{Copies: c.copies(in)}, nil
}

// newCopier is an engine with a feature that adds copies of c: one for the policy a, whose edit is
// as it should be, and one for the policy b, whose edit is do.
func newCopier(t *testing.T, cacheSize int64, do func(*clusterv3.Cluster) error, edit func(b *mutator.Copy)) *engine.Engine {
	t.Helper()
	c := copier{copies: func(in *mutator.Input) (out []mutator.Copy) {
		for _, o := range in.Objects.Of(thingKind) {
			c := mutator.Copy{Of: "c", Name: "copy/" + o.Name, Affected: []*policy.Object{o}, Edit: func(_ context.Context, c *clusterv3.Cluster) error {
				c.AltStatName = "of " + o.Name
				return nil
			}}
			if o.Name == "b" {
				c.Edit = func(ctx context.Context, c *clusterv3.Cluster) error {
					return edited(func() error { return do(c) })(ctx, c)
				}
				edit(&c)
			}
			out = append(out, c)
		}
		return out
	}}
	f := mutator.Feature{
		Name: "copier", Hooks: []mutator.Hook{mutator.HookTranslation},
		Policies: []policy.Kind{policy.NewKind[map[string]any](thingKind, nil)}, Additions: c, Reporter: c,
	}
	e, err := engine.New([]mutator.Feature{f}, engine.WithCache(cacheSize))
	require.NoError(t, err)
	return e
}

// copyOf is a copy of a cluster as it should be.
func copyOf(c *clusterv3.Cluster, name, stat string) *clusterv3.Cluster {
	c = proto.CloneOf(c)
	if c.EdsClusterConfig != nil && c.EdsClusterConfig.ServiceName == "" {
		c.EdsClusterConfig.ServiceName = c.Name
	}
	c.Name, c.AltStatName = name, stat
	return c
}

// TestCopies has copies of a cluster for two policies. What is wrong with the second one is not
// the first one's business.
func TestCopies(t *testing.T) {
	anonymous, named, static := eds("c"), eds("c"), &clusterv3.Cluster{Name: "c"}
	anonymous.EdsClusterConfig.ServiceName = ""
	named.EdsClusterConfig.ServiceName = "other"
	second := &clusterv3.Cluster{Name: "c", RespectDnsTtl: true}
	similar := &clusterv3.Cluster{Name: "copy/"}
	taken := &clusterv3.Cluster{Name: "copy/b", RespectDnsTtl: true}
	fine := func(c *clusterv3.Cluster) error { c.AltStatName = "of b"; return nil }
	as := func(*mutator.Copy) {}
	for name, c := range map[string]struct {
		there    []*clusterv3.Cluster
		do       func(*clusterv3.Cluster) error
		edit     func(*mutator.Copy)
		want     *clusterv3.Cluster // the copy for b
		verdicts []engine.Verdict   // of it
		err      string             // of it
		report   string             // of the policy b, if it is not programmed
	}{
		"no service name":    {[]*clusterv3.Cluster{anonymous, similar, second}, fine, as, copyOf(anonymous, "copy/b", "of b"), []engine.Verdict{engine.Added}, "", ""},
		"service name":       {[]*clusterv3.Cluster{named}, fine, as, copyOf(named, "copy/b", "of b"), []engine.Verdict{engine.Added}, "", ""},
		"no service":         {[]*clusterv3.Cluster{static}, fine, as, copyOf(static, "copy/b", "of b"), []engine.Verdict{engine.Added}, "", ""},
		"first of its name":  {[]*clusterv3.Cluster{named, second}, fine, as, copyOf(named, "copy/b", "of b"), []engine.Verdict{engine.Added}, "", ""},
		"error":              {[]*clusterv3.Cluster{anonymous}, func(*clusterv3.Cluster) error { return errors.New("broken") }, as, denied(t, copyOf(anonymous, "copy/b", "")), []engine.Verdict{engine.Denied}, "broken", `broken; requests are refused (Cluster "copy/b")`},
		"panic":              {[]*clusterv3.Cluster{anonymous}, func(*clusterv3.Cluster) error { panic("no") }, as, denied(t, copyOf(anonymous, "copy/b", "")), []engine.Verdict{engine.Denied, engine.Panicked}, "panic: no", `panic: no; requests are refused (Cluster "copy/b")`},
		"invalid":            {[]*clusterv3.Cluster{anonymous}, func(c *clusterv3.Cluster) error { c.LbPolicy = -1; return nil }, as, denied(t, copyOf(anonymous, "copy/b", "")), []engine.Verdict{engine.Denied}, "the result is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values", `the result is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values; requests are refused (Cluster "copy/b")`},
		"renamed":            {[]*clusterv3.Cluster{anonymous}, func(c *clusterv3.Cluster) error { c.Name = "c"; return nil }, as, denied(t, copyOf(anonymous, "copy/b", "")), []engine.Verdict{engine.Denied}, `was renamed to "c"`, `was renamed to "c"; requests are refused (Cluster "copy/b")`},
		"of no cluster":      {[]*clusterv3.Cluster{anonymous}, fine, func(b *mutator.Copy) { b.Of = "d" }, nil, nil, "", ""},
		"name of another":    {[]*clusterv3.Cluster{anonymous, taken}, fine, as, nil, []engine.Verdict{engine.NameConflict}, `Cluster "copy/b" is there already and was left as it is`, `Cluster "copy/b" is there already and was left as it is; nothing was changed (Cluster "copy/b")`},
		"name of the copied": {[]*clusterv3.Cluster{anonymous}, fine, func(b *mutator.Copy) { b.Name = "c" }, nil, []engine.Verdict{engine.NameConflict}, `Cluster "c" is there already and was left as it is`, `Cluster "c" is there already and was left as it is; nothing was changed (Cluster "c")`},
		"name of a copy":     {[]*clusterv3.Cluster{anonymous}, fine, func(b *mutator.Copy) { b.Name = "copy/a" }, nil, []engine.Verdict{engine.NameConflict}, `Cluster "copy/a" is there already and was left as it is`, `Cluster "copy/a" is there already and was left as it is; nothing was changed (Cluster "copy/a")`},
	} {
		for _, cacheSize := range []int64{0, 1 << 20} {
			t.Run(fmt.Sprint(name, "/", cacheSize), func(t *testing.T) {
				e := newCopier(t, cacheSize, c.do, c.edit)
				there := make([][]byte, 0, len(c.there)+2) // with room for others
				for _, m := range c.there {
					there = append(there, encode(t, m))
				}
				for range 3 { // again from memory
					res, err := e.Run(t.Context(), &engine.Call{
						Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001), agentPolicy("b", "x", 2002)},
						Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: there}},
					})
					require.NoError(t, err)
					want := append([]*clusterv3.Cluster{}, c.there...)
					want = append(want, copyOf(c.there[0], "copy/a", "of a"))
					if c.want != nil {
						want = append(want, c.want)
					}
					require.Len(t, res.Resources[0].Encoded, len(want))
					for i, raw := range res.Resources[0].Encoded {
						found := decoded(t, want[i], raw)
						require.True(t, proto.Equal(want[i], found), "%v", found)
					}
					require.Nil(t, there[:len(there)+1][len(there)], "the call is not written to")
					require.Equal(t, append([]engine.Verdict{engine.Added}, c.verdicts...), verdicts(res))
					require.Equal(t, "copy/a", res.Outcomes[0].Name)
					for _, o := range res.Outcomes[1:] {
						require.Equal(t, "copier", o.Feature)
						if c.err == "" {
							require.NoError(t, o.Err)
						} else {
							require.EqualError(t, o.Err, c.err)
						}
					}
					requireReport(t, res, c.report)
				}
			})
		}
	}
}

// requireReport wants the policy a to be programmed, and the policy b unless something is said of it.
func requireReport(t *testing.T, res *engine.Result, failed string) {
	t.Helper()
	require.Len(t, res.Policies, 2)
	for _, p := range res.Policies {
		if p.Policy.Name == "b" && failed != "" {
			require.Equal(t, mutator.ApplyFailed, p.Reason)
			require.Equal(t, failed, p.Message)
			continue
		}
		require.Equal(t, mutator.Programmed, p.Reason, p.Policy.Name)
	}
}

// TestCopyOfWhatCannotBeDecoded is none: nothing can be said of what it would do.
func TestCopyOfWhatCannotBeDecoded(t *testing.T) {
	e := newCopier(t, 0, func(*clusterv3.Cluster) error { return nil }, func(b *mutator.Copy) { b.Of = "broken" })
	there := [][]byte{encode(t, eds("c")), []byte("\x0a\x06broken\xff\xff\xff")}
	res, err := e.Run(t.Context(), &engine.Call{
		Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001), agentPolicy("b", "x", 2002)},
		Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: there}},
	})
	require.NoError(t, err)
	require.Len(t, res.Resources[0].Encoded, 3)
	require.Equal(t, there, res.Resources[0].Encoded[:2])
	require.Equal(t, []engine.Verdict{engine.Added, engine.Denied}, verdicts(res))
	require.ErrorContains(t, res.Outcomes[1].Err, "decode: ")
}

// TestCopiesAreEditedOnce for as long as the cluster and the key are the same. What failed is
// tried again.
func TestCopiesAreEditedOnce(t *testing.T) {
	runs, key, fails := 0, "1", false
	do := func(c *clusterv3.Cluster) error {
		if runs++; fails {
			return errors.New("broken")
		}
		c.AltStatName = fmt.Sprint("run ", runs)
		return nil
	}
	e := newCopier(t, 1<<20, do, func(b *mutator.Copy) { b.Key = key })
	send := func(c *clusterv3.Cluster) *clusterv3.Cluster {
		t.Helper()
		res, err := e.Run(t.Context(), &engine.Call{
			Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("b", "x", 2002)},
			Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, c)}}},
		})
		require.NoError(t, err)
		return decoded(t, c, res.Resources[0].Encoded[1]).(*clusterv3.Cluster)
	}
	c := eds("c")
	for range 2 {
		require.Equal(t, "run 1", send(c).GetAltStatName())
	}
	key = "2"
	require.Equal(t, "run 2", send(c).GetAltStatName())
	c.RespectDnsTtl = true
	require.Equal(t, "run 3", send(c).GetAltStatName())
	key, fails = "3", true
	require.Equal(t, clusterv3.Cluster_STATIC, send(c).GetType())
	fails = false
	require.Equal(t, "run 5", send(c).GetAltStatName())
	require.Equal(t, "run 5", send(c).GetAltStatName())
}

// TestTooManyCopies adds the first ones, and says of the others that they are not there.
func TestTooManyCopies(t *testing.T) {
	const limit = 10_000
	c := copier{copies: func(in *mutator.Input) (out []mutator.Copy) {
		for i := range limit + 2 {
			c := mutator.Copy{Of: "c", Name: fmt.Sprint("copy/", i), Key: "k", Edit: func(context.Context, *clusterv3.Cluster) error { return nil }}
			if i >= limit {
				c.Affected = in.Objects.Of(thingKind)[1:]
			}
			out = append(out, c)
		}
		return out
	}}
	f := c.feature()
	f.Clusters, f.Additions, f.Reporter = nil, c, c
	e, err := engine.New([]mutator.Feature{f})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), &engine.Call{
		Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("a", "x", 2001), agentPolicy("b", "x", 2002)},
		Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}},
	})
	require.NoError(t, err)
	require.Len(t, res.Resources[0].Encoded, limit+1)
	for i, o := range res.Outcomes {
		if i < limit {
			require.Equal(t, engine.Added, o.Verdict)
			continue
		}
		require.Equal(t, engine.Denied, o.Verdict)
		require.EqualError(t, o.Err, "is one of 10002 copies of clusters, of which 10000 are added")
	}
	requireReport(t, res, `is one of 10002 copies of clusters, of which 10000 are added; requests are refused (Cluster "copy/10000")`)
}

// TestCopiesOfTwoFeatures: the second one sees what the first one added.
func TestCopiesOfTwoFeatures(t *testing.T) {
	feature := func(name string, copies ...mutator.Copy) mutator.Feature {
		for i := range copies {
			copies[i].Edit = func(_ context.Context, c *clusterv3.Cluster) error { c.AltStatName += name; return nil }
		}
		return mutator.Feature{Name: name, Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: adder(func() (mutator.Additions, error) {
			return mutator.Additions{Copies: copies}, nil
		})}
	}
	e, err := engine.New([]mutator.Feature{
		feature("none"), feature("one", mutator.Copy{Of: "c", Name: "copy"}),
		feature("two", mutator.Copy{Of: "c", Name: "copy"}, mutator.Copy{Of: "copy", Name: "copy of it"}),
	})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, eds("c"))}}}})
	require.NoError(t, err)
	require.Equal(t, []engine.Verdict{engine.Added, engine.NameConflict, engine.Added}, verdicts(res))
	require.Len(t, res.Resources[0].Encoded, 3)
	require.Equal(t, "onetwo", decoded(t, &clusterv3.Cluster{}, res.Resources[0].Encoded[2]).(*clusterv3.Cluster).GetAltStatName())

	e, err = engine.New([]mutator.Feature{feature("none")})
	require.NoError(t, err)
	res, err = e.Run(t.Context(), &engine.Call{Hook: mutator.HookTranslation})
	require.NoError(t, err)
	require.Empty(t, res.Resources, "not even a list")
}
