package kube

import (
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
)

// result is the result of an attempt to write, see [Observer].
type result string

const (
	written     result = "written"
	repeated    result = "repeated"
	present     result = "present"
	outdated    result = "outdated"
	conflict    result = "conflict"
	unavailable result = "unavailable"
	forbidden   result = "forbidden"
	rejected    result = "rejected"
)

// Results returns the possible results of each kind of write, so that metrics can start with all of
// them.
func Results() map[string][]string {
	both := []string{
		string(written), string(present), string(outdated), string(conflict),
		string(unavailable), string(forbidden), string(rejected),
	}
	return map[string][]string{event: append([]string{string(repeated)}, both...), condition: both}
}

// namespaceTerminating is the cause of errors in a namespace that is being deleted.
// https://github.com/kubernetes/api/blob/v0.36.3/core/v1/types.go#L7116
const namespaceTerminating metav1.CauseType = "NamespaceTerminating"

// classify returns the result for an error of the API server or of the connection to it.
func classify(err error) result {
	status := apierrors.APIStatus(nil)
	if !errors.As(err, &status) {
		return unavailable
	}
	switch code := status.Status().Code; {
	case apierrors.HasStatusCause(err, namespaceTerminating), code == http.StatusNotFound:
		return outdated
	case code == http.StatusForbidden:
		return forbidden
	case code == http.StatusConflict:
		return conflict
	case code >= http.StatusInternalServerError, code == http.StatusTooManyRequests,
		code == http.StatusRequestTimeout, code == http.StatusUnauthorized: // the token is being replaced
		return unavailable
	default:
		return rejected
	}
}

// backoff delays requests that would fail like a previous one, with increasing delays.
type backoff struct {
	delays workqueue.TypedRateLimiter[string]
	until  map[string]time.Time
}

func newBackoff(first, longest time.Duration) *backoff {
	return &backoff{workqueue.NewTypedItemExponentialFailureRateLimiter[string](first, longest), map[string]time.Time{}}
}

// wait returns how long requests of the name must still wait.
func (g *backoff) wait(name string) time.Duration { return time.Until(g.until[name]) }

// close delays the requests of the name and returns for how long.
func (g *backoff) close(name string) time.Duration {
	d := g.delays.When(name)
	g.until[name] = time.Now().Add(d)
	return d
}

// failures returns the number of failures since the last success.
func (g *backoff) failures(name string) int { return g.delays.NumRequeues(name) }

// open ends the delay after a successful request.
func (g *backoff) open(name string) {
	g.delays.Forget(name)
	delete(g.until, name)
}
