//go:build e2e

package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
)

// many are the names of clusters that are sent in one update.
type many []string

func newMany(n int) many {
	out := make(many, n)
	for i := range out {
		out[i] = fmt.Sprintf("many-%05d", i)
	}
	return out
}

func (m many) clusters(generation string, timeout time.Duration) []proto.Message {
	var out []proto.Message
	for _, name := range m {
		out = append(out, ads.Cluster(name, generation, timeout))
	}
	return out
}

func (m many) endpoints(port int) []proto.Message {
	var out []proto.Message
	for _, name := range m {
		out = append(out, ads.Endpoints(name, port))
	}
	return out
}

// crowd is the result for many clusters.
type crowd struct {
	seen     []ads.Timeline // by clients of the first, the middle and the last cluster
	settled  time.Duration  // until no cluster was warming
	timeouts int            // clusters that did not wait for their endpoints
}

func (c crowd) count(prefix string) int {
	n := 0
	for _, s := range c.seen {
		n += s.Count(prefix)
	}
	return n
}

// crowd watches some of many clusters until they respond, and until none is warming.
func (l *lab) crowd(begin time.Time, m many, answer string) crowd {
	l.t.Helper()
	hosts := []string{m[0], m[len(m)/2], m[len(m)-1]}
	out := crowd{seen: make([]ads.Timeline, len(hosts))}
	var clients sync.WaitGroup
	for i, host := range hosts {
		clients.Go(func() {
			var err error
			if out.seen[i], err = l.Watch(l.t.Context(), begin, host, answer, settle); err != nil {
				l.t.Error(err)
			}
		})
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		clients.Wait()
	}()
	out.settled = l.settled(begin, answered)
	for _, seen := range out.seen {
		out.settled = max(out.settled, seen.Since())
	}
	out.timeouts = l.timeouts()
	return out
}

// settled returns when clusters stopped warming, after the clients have their responses.
func (l *lab) settled(begin time.Time, answered <-chan struct{}) time.Duration {
	l.t.Helper()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	warm := time.Duration(0)
	for done := false; ; <-ticker.C {
		switch n, err := l.Stat(l.t.Context(), warmingClusters); {
		case err != nil || n > 0: // Envoy may not listen yet
			warm = 0
		case warm == 0:
			warm = time.Since(begin)
		case done:
			return warm
		}
		select {
		case <-answered:
			done = true
		default:
		}
	}
}

// coldMany starts Envoy with many clusters. Time counts from the start of its process.
func (l *lab) coldMany(m many, timeout time.Duration) crowd {
	l.set(append(m.clusters("1", timeout), m.endpoints(l.backend)...)...)
	begin := time.Now()
	l.boot(m...)
	return l.crowd(begin, m, "200 1")
}

// addedMany adds many clusters and routes to a serving Envoy.
func (l *lab) addedMany(m many, timeout time.Duration) crowd {
	l.running(ads.Cluster("old", "1", timeout))
	begin := time.Now()
	l.set(append(append(m.clusters("1", timeout), m.endpoints(l.backend)...), ads.Routes(append(m, "old")...))...)
	return l.crowd(begin, m, "200 1")
}

// editedMany edits many serving clusters at once.
func (l *lab) editedMany(m many, timeout time.Duration) crowd {
	l.coldMany(m, 0)
	before, begin := l.timeouts(), time.Now()
	l.set(m.clusters("2", timeout)...)
	out := l.crowd(begin, m, "200 2")
	out.timeouts -= before
	return out
}

// TestManyClustersSweep shows how long many clusters take, and how many of them do not wait for
// endpoints that are about to arrive.
func TestManyClustersSweep(t *testing.T) {
	needs(t, here)
	experiment(t)
	scenarios := []struct {
		name string
		run  func(*lab, many, time.Duration) crowd
	}{{"cold", (*lab).coldMany}, {"added", (*lab).addedMany}, {"edited", (*lab).editedMany}}
	for _, s := range scenarios {
		for _, n := range []int{1000, 5000} {
			for _, timeout := range sweepTimeouts {
				t.Run(fmt.Sprintf("%s/%d/%s", s.name, n, shown(timeout, "unset")), func(t *testing.T) {
					c := s.run(newLab(t), newMany(n), timeout)
					t.Logf("| %s | %d | %s | warm after %.2f s | %d timed out | %d failed, %d of them 503 UH | %s | %s |", s.name, n, shown(timeout, "unset"),
						c.settled.Seconds(), c.timeouts, c.count("503"), c.count("503 UH"), c.seen[0], c.seen[2])
				})
			}
		}
	}
}
