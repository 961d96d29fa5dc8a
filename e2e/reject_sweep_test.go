//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
)

func ways() []way {
	var out []way
	for _, timeout := range []time.Duration{time.Second, 200 * time.Millisecond, 50 * time.Millisecond, 10 * time.Millisecond, time.Millisecond} {
		for _, again := range []bool{false, true} {
			out = append(out,
				way{name: "in place", timeout: timeout, again: again},
				way{name: "new name", timeout: timeout, again: again, apart: true},
				way{name: "new name, old removed", timeout: timeout, again: again, apart: true, removes: true},
				way{name: "in place with proof", timeout: timeout, again: again, proof: true})
		}
	}
	return out
}

// TestRejectionSweep shows the cost of each way, and the effect of a rejection.
func TestRejectionSweep(t *testing.T) {
	needs(t, here)
	experiment(t)
	for _, w := range ways() {
		t.Run(w.String(), func(t *testing.T) {
			l := newSecureLab(t)
			l.start(w)
			set, remove := w.with(l)
			t.Logf("RESULT %s | comes | %s", w, l.change(set, remove, secured, 300*time.Millisecond))
			set, remove = w.without(l)
			t.Logf("RESULT %s | goes | %s", w, l.change(set, remove, notSecured, 300*time.Millisecond))
			set, remove = w.with(l, rejectedByEnvoy)
			begin := time.Now()
			require.NoError(t, l.Change(set, remove))
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			seen, _ := l.Watch(ctx, begin, "x", "never", time.Second)
			cancel()
			t.Logf("RESULT %s | rejected | %s | %v", w, seen, l.Rejected())
		})
	}
}

// TestColdStartSweep shows the cost of a short timeout when Envoy starts with many clusters.
func TestColdStartSweep(t *testing.T) {
	needs(t, here)
	experiment(t)
	for _, n := range []int{1, 2000} {
		for _, w := range ways() {
			if w.again || w.proof {
				continue
			}
			t.Run(fmt.Sprintf("%d/%s", n, w), func(t *testing.T) {
				l := newSecureLab(t)
				hosts := newMany(n)
				l.set(hosts.endpoints(l.backend)...)
				l.set(l.pairs(hosts, w)...)
				listener, err := ads.Listener()
				require.NoError(t, err)
				routes := ads.Routes(hosts...)
				for _, vh := range routes.VirtualHosts {
					if w.apart {
						vh.Routes[0].GetRoute().ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: vh.Name + "/egraft"}
					}
				}
				begin := time.Now()
				l.bootWith(listener, routes)
				c := l.crowd(begin, hosts, secured)
				t.Logf("RESULT %d | %s | warm after %.2f s | %d timed out | %d failed | %s | %s", n, w, c.settled.Seconds(), c.timeouts, c.count("503"), c.seen[0], c.seen[2])
			})
		}
	}
}

// pairs returns the secured clusters of hosts, and their cleartext clusters if they are kept.
func (l *secureLab) pairs(hosts many, w way) (out []proto.Message) {
	for _, h := range hosts {
		c := l.secure(ads.Cluster(h, "2", w.timeout))
		if w.apart {
			c.Name, c.AltStatName = h+"/egraft", h
		}
		out = append(out, c)
		if w.apart && !w.removes {
			out = append(out, ads.Cluster(h, "1", w.timeout))
		}
	}
	return out
}

// TestMemorySweep shows the memory that clusters use in Envoy.
func TestMemorySweep(t *testing.T) {
	needs(t, here)
	experiment(t)
	for _, n := range []int{0, 2000} {
		for _, w := range []way{{timeout: time.Second}, {timeout: time.Second, apart: true, removes: true}, {timeout: time.Second, apart: true}} {
			l := newSecureLab(t)
			hosts := newMany(n)
			l.set(hosts.endpoints(l.backend)...)
			l.set(l.pairs(hosts, w)...)
			listener, err := ads.Listener()
			require.NoError(t, err)
			l.set(listener, ads.Routes("x"), ads.StaticCluster("x", "1", l.backend))
			l.Envoy, err = ads.StartCountingEnvoy(l.program, t.TempDir(), l.Server)
			require.NoError(t, err)
			l.watch(time.Now(), "x", notSecured)
			require.Eventually(t, func() bool {
				active, err := l.Stat(t.Context(), "^cluster_manager.active_clusters%24")
				warming, warmErr := l.Stat(t.Context(), warmingClusters)
				return err == nil && warmErr == nil && active >= n && warming == 0
			}, patience, 100*time.Millisecond)
			page, err := l.Admin(t.Context(), "/memory")
			require.NoError(t, err)
			t.Logf("RESULT %d apart=%v removes=%v %s", n, w.apart, w.removes, strings.Join(strings.Fields(string(page)), ""))
			require.NoError(t, l.Envoy.Stop())
		}
	}
}
