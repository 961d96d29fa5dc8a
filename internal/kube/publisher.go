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
	// All requests together have this rate, in a row and for long. client-go's own default
	// is half of it.
	requestBurst     = 50
	requestPerSecond = 10

	// A server that does not answer is asked again after these times, an outcome that the
	// server fails on as well.
	retryFirst, retryLongest = time.Second, time.Minute
	// A permission that is missing is tried again after these times. The first is short: an
	// API server that has just started knows no permissions for a second or two.
	permissionFirst, permissionLongest = 10 * time.Second, time.Hour
)

// The names of the writers.
const (
	event     = "event"
	condition = "conditions"
)

// writer writes outcomes in one form. It is given how often it wrote this one before.
type writer interface {
	write(ctx context.Context, k key, o outcome, before int) (result, error)
	// rule names the permissions that it needs.
	rule(k key, o outcome) string
}

// Publisher writes outcomes to Kubernetes. Make one with [New], and run it once.
type Publisher struct {
	cfg     Config
	table   table
	queue   workqueue.TypedDelayingInterface[key]
	writers map[string]writer

	// What follows belongs to Run.
	memory      memory
	limit       *rate.Limiter
	retries     workqueue.TypedRateLimiter[key]
	servers     *backoff // one, without a name
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

// Publish takes outcomes to be written, and returns at once. The gateway says where they
// are true: an Event ends with it. It may be empty.
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

// note is the text of an Event. The Gateway is at its end, since several can be long.
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
