package kube

import (
	"context"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/workqueue"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	// requestBurst and requestPerSecond limit all requests together. client-go's own default is
	// half of that.
	requestBurst     = 50
	requestPerSecond = 10

	// retryFirst and retryLongest bound the delay before a retry when the server does not respond,
	// or fails on one outcome.
	retryFirst, retryLongest = time.Second, time.Minute
	// permissionFirst and permissionLongest bound the delay before a retry when a permission is
	// missing. The first is short because an API server has not loaded its permissions for a second
	// or two after it starts.
	permissionFirst, permissionLongest = 10 * time.Second, time.Hour
)

// event and condition are the names of the writers.
const (
	event     = "event"
	condition = "conditions"
)

// writer writes outcomes in one form. before is how often it has written the same outcome.
type writer interface {
	write(ctx context.Context, k key, o outcome, before int) (result, error)
	// rule names the permissions that the writer needs.
	rule(k key, o outcome) string
}

// Publisher writes outcomes to Kubernetes. Create it with [New], and run it once.
type Publisher struct {
	cfg     Config
	table   table
	queue   workqueue.TypedDelayingInterface[key]
	writers map[string]writer

	// The fields below belong to Run.
	memory      memory
	limit       *rate.Limiter
	retries     workqueue.TypedRateLimiter[key]
	servers     *backoff // one entry, with an empty name
	permissions *backoff // by writer and namespace
	transitions transitionLog
}

func assemble(cfg Config, client dynamic.Interface) *Publisher {
	return &Publisher{
		cfg:         cfg,
		table:       table{latest: map[key]outcome{}},
		queue:       workqueue.NewTypedDelayingQueue[key](),
		writers:     map[string]writer{event: events{client, cfg.Instance}, condition: conditions{client}},
		memory:      newMemory(),
		limit:       rate.NewLimiter(requestPerSecond, requestBurst),
		retries:     workqueue.NewTypedItemExponentialFailureRateLimiter[key](retryFirst, retryLongest),
		servers:     newBackoff(retryFirst, retryLongest),
		permissions: newBackoff(permissionFirst, permissionLongest),
		transitions: transitionLog{log: cfg.Log, forbidden: map[string]bool{}},
	}
}

// Publish queues outcomes and returns immediately. The gateway is the Gateway on which they apply;
// Events end with it. It may be empty.
func (p *Publisher) Publish(gateway string, outcomes []mutator.PolicyOutcome) {
	for _, o := range outcomes {
		k := key{what: event, kind: o.Policy.GroupVersionKind, namespace: o.Policy.Namespace, name: o.Policy.Name, gateway: gateway}
		p.put(k, newOutcome(o, note(o.Message, gateway)))
		if o.Policy.ConditionsOf != "" {
			k.what, k.gateway = condition, ""
			p.put(k, newOutcome(o, o.Message))
		}
	}
}

// note returns the text of an Event. The Gateway comes last because several can be long.
func note(message, gateway string) string {
	if gateway == "" {
		return message
	}
	return message + " (Gateway " + gateway + ")"
}

func (p *Publisher) put(k key, o outcome) {
	if !p.table.put(k, o) {
		p.cfg.Observer.Dropped()
		return
	}
	p.queue.Add(k)
}
