package kube

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/pkg/mutator"
)

// many returns outcomes of n policies.
func many(n int) (out []mutator.PolicyOutcome) {
	for i := range n {
		out = append(out, outcomeOf(fmt.Sprintf("p%d", i), mutator.Programmed, "works"))
	}
	return out
}

// TestUnavailableServer has a server that is down for an hour: requests are retried occasionally,
// nothing is lost, and the log has one line at the start and one at the end.
func TestUnavailableServer(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"hangs":             hanging,
		"rejects":           func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") },
		"fails":             status(http.StatusInternalServerError, metav1.StatusReasonInternalError),
		"is not ready":      status(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable),
		"is busy":           status(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests),
		"knows no token":    status(http.StatusUnauthorized, metav1.StatusReasonUnauthorized),
		"is no API server":  func(*http.Request) (*http.Response, error) { return respond(http.StatusBadGateway, "no") },
		"times out by word": status(http.StatusGatewayTimeout, metav1.StatusReasonTimeout),
	} {
		t.Run(name, func(t *testing.T) {
			in(t, answer, func(t *testing.T, f *fixture) {
				f.Publish("g", many(100))
				after(time.Hour)
				require.LessOrEqual(t, len(f.api.take()), 75, "one a minute, and those at the beginning")
				require.Equal(t, []string{"WARN API server unavailable, policy outcomes queued"}, f.said(t))

				f.api.set(fine)
				after(retryLongest + requestTimeout + time.Minute)
				require.Len(t, f.api.take(), 100)
				require.Equal(t, 100, f.counts.all()["event written"])
				require.Equal(t, "INFO API server available", f.said(t)[1])
			})
		})
	}
}

// TestOutcomeThatTheServerFailsOn: an outcome that makes the server fail does not delay the others.
func TestOutcomeThatTheServerFailsOn(t *testing.T) {
	in(t, nil, func(t *testing.T, f *fixture) {
		f.api.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path == "/apis/events.k8s.io/v1/namespaces/broken/events" {
				return status(http.StatusInternalServerError, metav1.StatusReasonInternalError)(r)
			}
			return fine(r)
		})
		broken := outcomeOf("first", mutator.Programmed, "works")
		broken.Policy.Namespace = "broken"
		f.Publish("g", append([]mutator.PolicyOutcome{broken}, many(20)...))
		after(time.Minute)
		require.Equal(t, 20, f.counts.all()["event written"])
	})
}

// TestMissingPermission: a missing permission is logged once and retried rarely, and granting it
// has an effect.
func TestMissingPermission(t *testing.T) {
	in(t, status(http.StatusForbidden, metav1.StatusReasonForbidden), func(t *testing.T, f *fixture) {
		f.Publish("g", many(100))
		after(time.Hour)
		require.Len(t, f.api.take(), 9, "after 10 seconds, and then each time after twice as long")
		require.Equal(t, []string{"WARN cannot write policy outcomes, missing permission"}, f.said(t))
		require.Contains(t, f.log.String(), `"permission":"create and patch events.events.k8s.io"`)

		f.api.set(fine)
		after(permissionLongest)
		require.Equal(t, map[string]int{"event forbidden": 9, "event written": 100}, f.counts.all())
	})
}

// TestServerThatStarts has a server that forbids everything until it has loaded its roles.
func TestServerThatStarts(t *testing.T) {
	in(t, status(http.StatusForbidden, metav1.StatusReasonForbidden), func(t *testing.T, f *fixture) {
		f.Publish("g", many(100))
		after(2 * time.Second)
		f.api.set(fine)
		after(time.Minute)
		require.Equal(t, map[string]int{"event forbidden": 1, "event written": 100}, f.counts.all())
		require.Empty(t, f.said(t))
	})
}

// TestPermissionInOneNamespace: a permission missing in one namespace does not delay other
// namespaces.
func TestPermissionInOneNamespace(t *testing.T) {
	in(t, nil, func(t *testing.T, f *fixture) {
		f.api.set(func(r *http.Request) (*http.Response, error) {
			if r.URL.Path != "/apis/events.k8s.io/v1/namespaces/ns/events" {
				return status(http.StatusForbidden, metav1.StatusReasonForbidden)(r)
			}
			return fine(r)
		})
		other := outcomeOf("first", mutator.Programmed, "works")
		other.Policy.Namespace = "other"
		f.Publish("g", append([]mutator.PolicyOutcome{other}, many(20)...))
		after(permissionFirst)
		require.Equal(t, map[string]int{"event forbidden": 1, "event written": 20}, f.counts.all())
	})
}

func TestFinalAnswers(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		count  string
		said   []string
	}{
		{
			"not what Kubernetes wants", status(http.StatusUnprocessableEntity, metav1.StatusReasonInvalid),
			"event rejected",
			[]string{"WARN API server rejected policy outcome"},
		},
		{"namespace is gone", status(http.StatusNotFound, metav1.StatusReasonNotFound), "event outdated", nil},
		{"namespace is going", status(http.StatusForbidden, metav1.StatusReasonForbidden, namespaceTerminating), "event outdated", nil},
		{
			"panic", func(*http.Request) (*http.Response, error) { panic("on purpose") },
			"event rejected",
			[]string{"WARN API server rejected policy outcome"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, test.answer, func(t *testing.T, f *fixture) {
				for range 3 {
					f.Publish("g", many(1))
					after(time.Minute)
				}
				require.Equal(t, []string{create}, lines(f.api.take()))
				require.Equal(t, map[string]int{test.count: 1}, f.counts.all())
				require.Equal(t, test.said, f.said(t))
			})
		})
	}
}
