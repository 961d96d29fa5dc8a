package kube

import (
	"errors"
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
)

// result is what became of an attempt to write, see [Observer].
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

// Results returns the results of each kind of write, as [Observer] is told them, for metrics that
// begin with all of them.
func Results() map[string][]string {
	both := []string{
		string(written), string(present), string(outdated), string(conflict),
		string(unavailable), string(forbidden), string(rejected),
	}
	return map[string][]string{event: append([]string{string(repeated)}, both...), condition: both}
}

// namespaceTerminating is why nothing can be created in a namespace that is being deleted.
// https://github.com/kubernetes/api/blob/v0.36.3/core/v1/types.go#L7116
const namespaceTerminating metav1.CauseType = "NamespaceTerminating"

// classify says what an error of the API server, or of the way to it, leads to.
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

// backoff hold back requests that would fail as one before them did, each time longer.
type backoff struct {
	delays workqueue.TypedRateLimiter[string]
	until  map[string]time.Time
}

func newBackoff(first, longest time.Duration) *backoff {
	return &backoff{workqueue.NewTypedItemExponentialFailureRateLimiter[string](first, longest), map[string]time.Time{}}
}

// wait is how long the gate of the name stays closed.
func (g *backoff) wait(name string) time.Duration { return time.Until(g.until[name]) }

// close closes a gate and reports for how long.
func (g *backoff) close(name string) time.Duration {
	d := g.delays.When(name)
	g.until[name] = time.Now().Add(d)
	return d
}

// failures is how often a gate was closed since it was open.
func (g *backoff) failures(name string) int { return g.delays.NumRequeues(name) }

// open opens a gate after a request that went well.
func (g *backoff) open(name string) {
	g.delays.Forget(name)
	delete(g.until, name)
}
