//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/pkg/spiffe"
)

// Ways to change a cluster from cleartext to TLS in an update that Envoy rejects.
var (
	inPlace = way{name: "in place", timeout: labTimeout}
	renamed = way{name: "another name", timeout: labTimeout, apart: true, removes: true}
	beside  = way{name: "another name beside", timeout: labTimeout, apart: true}
	proven  = way{name: "in place with proof", timeout: labTimeout, proof: true}
)

// observed is the time for which a client checks that nothing changes.
const observed = time.Second

// rejections are edits that Envoy rejects when a cluster arrives, or, in the second case, at the
// latest when its secrets arrive.
var rejections = map[string]func(*tlsv3.UpstreamTlsContext){
	"cipher": rejectedByEnvoy,
	"regular expression": func(c *tlsv3.UpstreamTlsContext) {
		regex := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: `spiffe://example\.org/\p{Letter}`}}}
		c.CommonTlsContext.GetCombinedValidationContext().DefaultValidationContext.MatchTypedSubjectAltNames = []*tlsv3.SubjectAltNameMatcher{spiffe.URI(regex)}
	},
}

// during watches a client of x for a period.
func (l *secureLab) during(d time.Duration) ads.Timeline {
	ctx, cancel := context.WithTimeout(l.t.Context(), d)
	defer cancel()
	seen, _ := l.Watch(ctx, time.Now(), "x", "", d) // ends with the period
	if last := len(seen) - 1; last > 0 && seen[last].Answer == "rejected" {
		seen = seen[:last] // the request was cut off by the end of the period
	}
	return seen
}

// TestRejectedEditStaysInCleartext: if Envoy rejects an edit in place, it has no effect, and
// clients cannot notice that.
func TestRejectedEditStaysInCleartext(t *testing.T) {
	needs(t, here)
	for name, reject := range rejections {
		t.Run(name, func(t *testing.T) {
			l := newSecureLab(t)
			l.start(inPlace)
			require.NoError(t, l.Change(inPlace.with(l, reject)))
			seen := l.during(observed)
			t.Log(seen, l.Rejected())
			assert.Empty(t, seen.AnswersAfter(notSecured))
			require.Error(t, l.Rejected())
		})
	}
}

// TestRejectedClusterIsNotReached: if routes use a cluster with another name, or require a proof, a
// rejection ends cleartext until the policy is corrected.
func TestRejectedClusterIsNotReached(t *testing.T) {
	needs(t, here)
	for _, w := range []way{renamed, beside, proven} {
		for name, reject := range rejections {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				l := newSecureLab(t)
				l.start(w)
				rejected := notFound
				if w.proof {
					rejected = "403 - rbac_access_denied_matched_policy[none]"
				}
				set, remove := w.with(l, reject)
				seen := l.change(set, remove, rejected, observed)
				t.Log(seen, l.Rejected())
				assert.Less(t, seen.Since(), time.Second, seen)
				require.Error(t, l.Rejected())
				set, remove = w.with(l)
				seen = l.change(set, remove, secured, settle)
				t.Log("mended", seen)
				assert.Zero(t, seen.Count(notSecured))
			})
		}
	}
}

// TestRejectedClusterTakesNoOtherAlong: in an incremental update, Envoy accepts all clusters except
// those that it rejects.
func TestRejectedClusterTakesNoOtherAlong(t *testing.T) {
	needs(t, here)
	l := newSecureLab(t)
	l.start(inPlace)
	set, _ := inPlace.with(l, rejectedByEnvoy)
	last := ads.StaticCluster("y", "3", l.backend) // Envoy sees clusters in this order
	require.NoError(t, l.Set(append(set, l.other("3"), last, ads.Routes("other", "x", "y"))...))
	begin := time.Now()
	t.Log(l.watch(begin, "other", "200 3 spiffe://example.org/envoy"))
	t.Log(l.watch(begin, "y", "200 3 "+inCleartext))
	rejected, err := l.WaitAnswered(t.Context())
	require.NoError(t, err)
	assert.Len(t, rejected, 1)
	assert.Equal(t, notSecured, l.Get(t.Context(), "x"))
}

// TestAnotherNameCostsTheTimeout: Envoy already has the endpoints of the new cluster, so the
// control plane does not send them, and requests fail until Envoy's timeout. No request is sent in
// cleartext meanwhile.
func TestAnotherNameCostsTheTimeout(t *testing.T) {
	needs(t, here)
	for _, w := range []way{renamed, beside, proven} {
		t.Run(w.name, func(t *testing.T) {
			l := newSecureLab(t)
			l.start(w)
			set, remove := w.with(l)
			seen := l.change(set, remove, secured, settle)
			t.Log("comes", seen)
			assert.InDelta(t, labTimeout.Seconds(), seen.Since().Seconds(), 0.4, seen)
			set, remove = w.without(l)
			seen = l.change(set, remove, notSecured, settle)
			t.Log("goes", seen)
			if w.removes {
				assert.InDelta(t, labTimeout.Seconds(), seen.Since().Seconds(), 0.4, seen)
			} else if !w.proof {
				assert.Less(t, seen.Since(), labTimeout/2, seen)
			}
		})
	}
}

// withoutSecret is the response of a cluster whose secrets did not arrive.
const withoutSecret = "503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:_Secret_is_not_supplied_by_SDS}"

// TestColdStartWithAnotherName: a start costs the same as before. Envoy accepts what it would
// reject later, since the secrets have not arrived yet, and then rejects the secrets: nothing is
// sent in cleartext.
func TestColdStartWithAnotherName(t *testing.T) {
	needs(t, here)
	for _, w := range []way{inPlace, renamed, beside} {
		for name, expected := range map[string]string{"accepted": secured, "rejected": withoutSecret} {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				l := newSecureLab(t)
				l.set(ads.Endpoints("x", l.backend), l.other("2"), ads.Endpoints("other", l.backend))
				var edit []func(*tlsv3.UpstreamTlsContext)
				if name == "rejected" {
					edit = append(edit, rejectedByEnvoy)
				}
				if w.apart && !w.removes {
					l.set(w.plain())
				}
				set, _ := w.with(l, edit...)
				listener, err := ads.Listener(w.filters(t)...)
				require.NoError(t, err)
				begin := time.Now()
				l.bootWith(append(set, listener)...)
				seen := l.watch(begin, "x", expected)
				t.Log(seen)
				assert.LessOrEqual(t, len(seen.AnswersAfter("rejected")), 1, seen)
				l.watch(time.Now(), "other", secured)
			})
		}
	}
}

// TestFirstUseOfAnAgent: the first cluster with an agent's secrets must wait for them.
func TestFirstUseOfAnAgent(t *testing.T) {
	needs(t, here)
	for _, w := range []way{inPlace, renamed, beside} {
		t.Run(w.name, func(t *testing.T) {
			l := newSecureLab(t)
			listener, err := ads.Listener()
			require.NoError(t, err)
			l.set(w.plain(), ads.Endpoints("x", l.backend))
			l.bootWith(listener, w.routes(t, false))
			l.watch(time.Now(), "x", notSecured)
			set, remove := w.with(l)
			t.Log("comes", l.change(set, remove, secured, settle))
		})
	}
}

// TestRoutesOfAllKindsLeadToAnotherName: weighted clusters and mirrored requests use the new name
// as well.
func TestRoutesOfAllKindsLeadToAnotherName(t *testing.T) {
	needs(t, here)
	l := newSecureLab(t)
	l.start(renamed)
	rc := renamed.routes(t, true)
	action := rc.VirtualHosts[0].Routes[0].GetRoute()
	action.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{Clusters: []*routev3.WeightedCluster_ClusterWeight{
		{Name: lonely, Weight: ads.Weight(1)}, {Name: lonely, Weight: ads.Weight(1)},
	}}}
	action.RequestMirrorPolicies = []*routev3.RouteAction_RequestMirrorPolicy{{Cluster: lonely}}
	seen := l.change([]proto.Message{renamed.secured(l), rc}, []proto.Message{renamed.plain()}, secured, settle)
	t.Log(seen)
	mirrored := l.peers("spiffe://example.org/envoy")
	before := l.peers(inCleartext)
	for range 20 {
		require.Equal(t, secured, l.Get(t.Context(), "x"))
	}
	assert.Eventually(t, func() bool { return l.peers("spiffe://example.org/envoy")-mirrored >= 40 }, patience, 10*time.Millisecond)
	assert.Equal(t, before, l.peers(inCleartext))
}

// TestRequestsUnderWayEnd: applying a policy does not interrupt requests in flight.
func TestRequestsUnderWayEnd(t *testing.T) {
	needs(t, here)
	for _, w := range []way{inPlace, renamed, beside} {
		t.Run(w.name, func(t *testing.T) {
			l := newSecureLab(t)
			l.start(w)
			slow, before := make(chan string, 1), l.peers(inCleartext)
			go func() { slow <- l.GetPath(t.Context(), "x", slowPath) }()
			require.Eventually(t, func() bool { return l.peers(inCleartext) > before }, patience, time.Millisecond)
			set, remove := w.with(l)
			l.change(set, remove, secured, settle)
			assert.Contains(t, <-slow, inCleartext)
		})
	}
}
