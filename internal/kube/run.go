package kube

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// Run writes outcomes until ctx ends, and then returns immediately. Another replica writes what is
// left, or the next process does when Envoy Gateway calls it.
func (p *Publisher) Run(ctx context.Context) {
	defer context.AfterFunc(ctx, p.queue.ShutDown)()
	defer p.queue.ShutDown()
	for ctx.Err() == nil {
		k, shutdown := p.queue.Get()
		if shutdown {
			return
		}
		p.handle(ctx, k)
		p.queue.Done(k)
	}
}

// handle writes the outcome of a key, or delays it.
func (p *Publisher) handle(ctx context.Context, k key) {
	o, waits := p.table.get(k)
	if !waits {
		return
	}
	if wait := p.wait(k, o); wait > 0 {
		p.queue.AddAfter(k, wait)
		return
	}
	r := p.memory.of(k)
	id := o.id(k)
	if r.holds(id, o.reason) {
		p.done(k, o)
		return
	}
	if wait := r.delay(); wait > 0 {
		p.queue.AddAfter(k, wait)
		return
	}
	if p.limit.Wait(ctx) != nil {
		return // ctx has ended
	}
	result, err := p.attempt(ctx, k, o, r.counts[id])
	if ctx.Err() != nil {
		return
	}
	p.cfg.Observer.Written(k.what, string(result))
	if p.settled(k, o, result, err) {
		r.add(id, result)
		p.done(k, o)
	}
}

// wait returns how long an outcome must wait before it may be written.
func (p *Publisher) wait(k key, o outcome) time.Duration {
	return max(settle-time.Since(o.since), p.servers.wait(""), p.permissions.wait(backoffKey(k)))
}

// backoffKey identifies a permission as RBAC grants it: in all namespaces, or in one.
func backoffKey(k key) string { return k.what + " " + k.namespace }

// attempt writes with a timeout. It turns a panic into a rejected outcome, so that hook calls are
// not affected.
func (p *Publisher) attempt(ctx context.Context, k key, o outcome, before int) (result result, err error) {
	defer func() {
		if v := recover(); v != nil {
			result, err = rejected, fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	result, err = p.writers[k.what].write(ctx, k, o, before)
	if err != nil && result != rejected {
		result = classify(err)
	}
	return result, err
}

// settled handles the result of an attempt and reports whether the outcome is finished.
func (p *Publisher) settled(k key, o outcome, r result, err error) bool {
	if r == unavailable {
		wait := p.servers.close("")
		p.transitions.unavailable(wait, err)
		p.queue.AddAfter(k, wait+p.retries.When(k)) // later than others, since this outcome may be the cause
		return false
	}
	p.servers.open("")
	p.transitions.available()
	switch r {
	case forbidden:
		p.queue.AddAfter(k, p.permissions.close(backoffKey(k)))
		if p.permissions.failures(backoffKey(k)) > 1 {
			p.transitions.missingPermission(k, p.writers[k.what].rule(k, o), err)
		}
		return false
	case conflict:
		p.queue.AddAfter(k, p.retries.When(k))
		return false
	case rejected:
		p.transitions.rejected(k, err)
	default:
		p.permissions.open(backoffKey(k))
	}
	return true
}

// done removes a finished outcome.
func (p *Publisher) done(k key, o outcome) {
	p.retries.Forget(k)
	p.table.done(k, o)
}
