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

// What Envoy makes of a cluster that goes from cleartext to TLS in an update that it rejects.
var (
	inPlace = way{name: "in place", timeout: labTimeout}
	renamed = way{name: "another name", timeout: labTimeout, apart: true, removes: true}
	beside  = way{name: "another name beside", timeout: labTimeout, apart: true}
	proven  = way{name: "in place with proof", timeout: labTimeout, proof: true}
)

// observed is for how long a client looks at what is to stay as it is.
const observed = time.Second

// rejections are edits that Envoy rejects when a cluster comes, or, of the second, at the
// latest when its secrets do.
var rejections = map[string]func(*tlsv3.UpstreamTlsContext){
	"cipher": refusedByEnvoy,
	"regular expression": func(c *tlsv3.UpstreamTlsContext) {
		regex := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_SafeRegex{SafeRegex: &matcherv3.RegexMatcher{Regex: `spiffe://example\.org/\p{Letter}`}}}
		c.CommonTlsContext.GetCombinedValidationContext().DefaultValidationContext.MatchTypedSubjectAltNames = []*tlsv3.SubjectAltNameMatcher{spiffe.URI(regex)}
	},
}

// during watches a client of x for a time.
func (l *secureLab) during(d time.Duration) ads.Timeline {
	ctx, cancel := context.WithTimeout(l.t.Context(), d)
	defer cancel()
	seen, _ := l.Watch(ctx, time.Now(), "x", "", d) // ends with the time
	if last := len(seen) - 1; last > 0 && seen[last].Answer == "rejected" {
		seen = seen[:last] // by the end of the time
	}
	return seen
}

// TestRejectedEditStaysInCleartext: an edit in place that Envoy rejects has no effect, and
// nothing that a client sees says so.
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

// TestRejectedClusterIsNotReached: where routes lead to a cluster of another name, or ask
// for a proof, a rejection ends cleartext, until the policy is mended.
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

// TestRejectedClusterTakesNoOtherAlong: of an incremental update, Envoy takes all clusters
// but those that it rejects.
func TestRejectedClusterTakesNoOtherAlong(t *testing.T) {
	needs(t, here)
	l := newSecureLab(t)
	l.start(inPlace)
	set, _ := inPlace.with(l, refusedByEnvoy)
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

// TestAnotherNameCostsTheTimeout: Envoy has the endpoints of the new cluster already, so
// nobody sends them, and the route leads nowhere until Envoy gives up waiting. No request
// goes out in cleartext meanwhile.
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

// withoutSecret is the answer of a cluster whose secrets did not come.
const withoutSecret = "503 UF upstream_reset_before_response_started{remote_connection_failure|TLS_error:_Secret_is_not_supplied_by_SDS}"

// TestColdStartWithAnotherName: a start costs what it did. Envoy takes what it would reject
// later, since the secrets are not there yet, and rejects the secrets for it: nothing goes out
// in cleartext.
func TestColdStartWithAnotherName(t *testing.T) {
	needs(t, here)
	for _, w := range []way{inPlace, renamed, beside} {
		for name, expected := range map[string]string{"accepted": secured, "rejected": withoutSecret} {
			t.Run(w.name+"/"+name, func(t *testing.T) {
				l := newSecureLab(t)
				l.set(ads.Endpoints("x", l.backend), l.other("2"), ads.Endpoints("other", l.backend))
				var edit []func(*tlsv3.UpstreamTlsContext)
				if name == "rejected" {
					edit = append(edit, refusedByEnvoy)
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

// TestFirstUseOfAnAgent: the first cluster with an agent's secrets has to wait for them.
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

// TestRoutesOfAllKindsLeadToAnotherName: weighted clusters and mirrored requests take the
// name as well.
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

// TestRequestsUnderWayEnd: a policy that comes breaks off no request that it finds.
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
