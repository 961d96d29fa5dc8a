//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/egraft/egraft/e2e/ads"
)

// Envoy's behaviour with a timeout for endpoints. The default of egraft's
// --eds-initial-fetch-timeout is based on these facts, which docs/backend-mtls-policy.md states.
const (
	labTimeout = 500 * time.Millisecond
	late       = 3 * time.Second // after the timeout, even on a busy machine

	longTimeout = 10 * time.Second
	inTime      = 50 * time.Millisecond // before it
)

// TestEditedClusterWaitsForEndpointsThatNobodySends: Envoy has the endpoints, so it does not
// request them, and the control plane does not send unchanged resources.
func TestEditedClusterWaitsForEndpointsThatNobodySends(t *testing.T) {
	needs(t, here)
	l := newLab(t)
	l.running(ads.Cluster("old", "1", 0))
	l.set(ads.Cluster("old", "2", 0))
	seen, err := l.Watch(t.Context(), time.Now(), "old", "200 1", 3*time.Second)
	assert.NoError(t, err, "the old cluster has to serve until the new one is warm")
	assert.Len(t, seen, 1)
}

// TestEditedClusterKeepsItsEndpoints: after the timeout, Envoy uses the endpoints that it has, and
// no request fails.
func TestEditedClusterKeepsItsEndpoints(t *testing.T) {
	needs(t, here)
	for name, delay := range map[string]time.Duration{"never sent again": never, "changed late": late} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			seen := l.edited(labTimeout, delay)
			assert.Zero(t, seen.Count("503"), seen)
			assert.GreaterOrEqual(t, seen.Since(), labTimeout, seen)
			assert.Equal(t, 1, l.timeouts())
		})
	}
}

// TestNewClusterWithLateEndpoints: with or without the timeout, requests fail until the endpoints
// arrive. Only the reason changes.
func TestNewClusterWithLateEndpoints(t *testing.T) {
	needs(t, here)
	l := newLab(t)
	seen := l.added(labTimeout, late)
	assert.Equal(t, []string{notFound, noHosts, "200 1"}, seen.AnswersAfter("404 NR route_not_found"))
	assert.GreaterOrEqual(t, seen.Since(), late, seen)
	assert.Less(t, seen.Since(), late+labTimeout, "endpoints have to be used at once when they come: %s", seen)
}

// TestNewClusterWithEndpointsInTime: no client ever sees a cluster without endpoints.
func TestNewClusterWithEndpointsInTime(t *testing.T) {
	needs(t, here)
	l := newLab(t)
	seen := l.added(longTimeout, inTime)
	assert.Zero(t, seen.Count(noHosts), seen)
	assert.Zero(t, l.timeouts())
}

// TestNewClusterWithoutEndpoints: an empty list of endpoints is also a response. Nothing waits for
// the timeout.
func TestNewClusterWithoutEndpoints(t *testing.T) {
	needs(t, here)
	l := newLab(t)
	l.running(ads.Cluster("old", "1", 0))
	l.set(ads.Cluster("new", "1", 0), ads.Endpoints("new"), ads.Routes("old", "new"))
	seen := l.watch(time.Now(), "new", noHosts)
	assert.Less(t, seen.Since(), 10*time.Second, seen)
	assert.Zero(t, l.timeouts())
}

// TestColdStartWithLateEndpoints: Envoy listens once all clusters have their endpoints or have
// timed out.
func TestColdStartWithLateEndpoints(t *testing.T) {
	needs(t, here)
	t.Run("in time", func(t *testing.T) {
		seen := newLab(t).cold(longTimeout, inTime)
		assert.Zero(t, seen.Count("503"), seen)
	})
	t.Run("late", func(t *testing.T) {
		seen := newLab(t).cold(labTimeout, late)
		assert.Equal(t, []string{noHosts, "200 1"}, seen.AnswersAfter("rejected"))
	})
}

// TestClusterThatBecomesEDSWithLateEndpoints is the one case in which a short timeout makes
// requests fail: Envoy has no endpoints for such a cluster, and it replaces one that serves.
func TestClusterThatBecomesEDSWithLateEndpoints(t *testing.T) {
	needs(t, here)
	t.Run("in time", func(t *testing.T) {
		seen := newLab(t).converted(longTimeout, inTime)
		assert.Zero(t, seen.Count("503"), seen)
	})
	t.Run("late", func(t *testing.T) {
		seen := newLab(t).converted(labTimeout, late)
		assert.Equal(t, []string{noHosts, "200 2"}, seen.AnswersAfter("200 1"))
	})
}

// TestManyEditedClustersLoseNoRequest: one policy edits all clusters of a
// Gateway in one update.
func TestManyEditedClustersLoseNoRequest(t *testing.T) {
	needs(t, here)
	c := newLab(t).editedMany(newMany(300), labTimeout)
	assert.Zero(t, c.count("503"), "%s", c.seen)
	assert.Equal(t, 300, c.timeouts)
}
