package engine

import (
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
)

// TestRenamingIsCached: the routes of a virtual host are changed to renamed clusters once, while
// the renames stay the same.
func TestRenamingIsCached(t *testing.T) {
	for _, cacheSize := range []int64{0, 1 << 20} {
		e, err := New(nil, WithCache(cacheSize))
		require.NoError(t, err)
		p := &callState{}
		require.Nil(t, e.renamingOf(p, nil))
		first := e.renamingOf(p, []rename{{"a", "new a"}})
		require.Same(t, first, e.renamingOf(p, []rename{{"a", "new a"}}))
		second := e.renamingOf(p, []rename{{"a", "newer a"}})
		require.NotSame(t, first, second)
		require.Same(t, second, e.renamingOf(p, []rename{{"a", "newer a"}}))

		a, b := rename{"a", "new a"}, rename{"b", "new b"}
		third := e.renamingOf(p, []rename{a, b})
		require.Same(t, third.hosts, e.renamingOf(p, []rename{b, a}).hosts, "another order")
		require.NotSame(t, third.hosts, e.renamingOf(p, []rename{a, a}).hosts)

		call := translationOf(deterministic(t, hostOf(t)))
		c := e.configs(call)[0]
		led := func(r *renaming, to string) []byte {
			raw := e.releasedHost(c.slots[0], c.hosts[0], deterministic(t, hostOf(t)), r)
			vh := &routev3.VirtualHost{}
			require.NoError(t, proto.Unmarshal(raw, vh))
			require.Equal(t, to, vh.GetRoutes()[0].GetRoute().GetCluster())
			return raw
		}
		one, two := led(first, "new a"), led(second, "newer a")
		led(nil, "a")
		if cacheSize > 0 {
			require.Same(t, &one[0], &led(first, "new a")[0])
			require.Same(t, &two[0], &led(second, "newer a")[0])
			other := e.renamingOf(&callState{}, []rename{{"a", "new a"}, {"elsewhere", "new elsewhere"}})
			require.Same(t, &one[0], &led(other, "new a")[0], "another call, which renames a cluster of another host, too")
			mirror := e.renamingOf(&callState{}, []rename{{"a", "new a"}, {"b", "new b"}})
			require.NotEqual(t, one, led(mirror, "new a"))
		}
	}
}
