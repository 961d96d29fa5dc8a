package extension

import (
	"context"
	"errors"
	"hash/maphash"
	"log/slog"
	"sync"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/logging"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
)

// maxSubjects bounds the memory of [changes]. When it is reached, all subjects are removed and
// logged again.
const maxSubjects = 10_000

// changes logs what egraft changes for a subject (the Gateways of a translation, or a single
// resource) when it differs from the previous call.
type changes struct {
	log     *slog.Logger
	seed    maphash.Seed
	mu      sync.Mutex
	digests map[string]uint64
}

func newChanges(log *slog.Logger) *changes {
	return &changes{log: log, seed: maphash.MakeSeed(), digests: map[string]uint64{}}
}

// logIfChanged logs the result of a call if it differs from the previous one.
func (c *changes) logIfChanged(ctx context.Context, call *engine.Call, res *engine.Response) {
	quiet := len(res.Outcomes) == 0 && len(res.Policies) == 0 && len(res.Warnings) == 0
	if quiet && c.empty() {
		return
	}
	subject := res.Subject()
	if !c.changed(string(call.Hook)+" "+subject, c.digest(res), quiet) {
		return
	}
	level := slog.LevelDebug // there are many single resources
	if call.Hook == mutator.HookTranslation {
		level = slog.LevelInfo
	}
	c.log.LogAttrs(ctx, level, "configuration changed", summary(call.Hook, subject, res)...)
	for _, w := range res.Warnings {
		attrs := append([]slog.Attr{slog.String(logging.KeyHook, string(call.Hook)), slog.Any(logging.KeyError, w)}, stackOf(w)...)
		c.log.LogAttrs(ctx, slog.LevelWarn, "hook call warning", attrs...)
	}
	for _, o := range res.Outcomes {
		c.failure(ctx, call.Hook, o)
	}
	for _, p := range res.Policies {
		c.policy(ctx, call.Hook, p)
	}
}

// policy logs the outcome of a policy that is not in effect.
func (c *changes) policy(ctx context.Context, h mutator.Hook, p mutator.PolicyOutcome) {
	code, _ := finding.OfReason(string(p.Reason))
	attrs := []slog.Attr{
		slog.String(logging.KeyHook, string(h)), slog.String(logging.KeyPolicy, p.Policy.String()),
		slog.String(logging.KeyReason, string(p.Reason)), slog.String(logging.KeyFinding, code.ID), slog.String(logging.KeyMessage, p.Message),
	}
	switch p.Reason {
	case mutator.Programmed:
	case mutator.Shadow:
		c.log.LogAttrs(ctx, slog.LevelInfo, "policy not enforced", attrs...)
	default:
		c.log.LogAttrs(ctx, slog.LevelWarn, "policy not programmed", attrs...)
	}
}

func (c *changes) empty() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.digests) == 0
}

// changed reports whether the digest differs from the last one of the subject. An unknown subject
// without changes is not logged and not stored.
func (c *changes) changed(subject string, digest uint64, quiet bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, known := c.digests[subject]
	if quiet {
		delete(c.digests, subject)
		return known
	}
	if len(c.digests) >= maxSubjects {
		clear(c.digests)
	}
	c.digests[subject] = digest
	return !known || last != digest
}

// failure logs a failed mutator on one resource, with the stack of a panic.
func (c *changes) failure(ctx context.Context, h mutator.Hook, o *engine.Outcome) {
	if o.Err == nil || o.Result == engine.Panicked {
		return
	}
	attrs := []slog.Attr{
		slog.String(logging.KeyHook, string(h)), slog.String(logging.KeyFeature, o.Feature), slog.String(logging.KeyKind, string(o.Kind)),
		slog.String(logging.KeyResource, o.Name), slog.String(logging.KeyResult, string(o.Result)), slog.Any(logging.KeyError, o.Err),
	}
	c.log.LogAttrs(ctx, slog.LevelError, "mutator failed", append(attrs, stackOf(o.Err)...)...)
}

// stackOf returns the stack of a panic.
func stackOf(err error) []slog.Attr {
	if p := (*sandbox.PanicError)(nil); errors.As(err, &p) {
		return []slog.Attr{slog.String(logging.KeyStack, string(p.Stack))}
	}
	return nil
}

// digest returns a hash of what is logged about a result.
func (c *changes) digest(res *engine.Response) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	last := &engine.Outcome{}
	for _, o := range res.Outcomes { // thousands, most of which differ in their names only
		if o.Feature != last.Feature || o.Kind != last.Kind || o.Result != last.Result {
			writeLine(&h, o.Feature, string(o.Kind), string(o.Result))
			last = o
		}
		_, _ = h.WriteString(o.Name)
		_ = h.WriteByte('\n')
		if o.Err != nil {
			writeLine(&h, o.Err.Error())
		}
	}
	for _, p := range res.Policies {
		writeLine(&h, p.Policy.String(), string(p.Reason), p.Message)
	}
	for _, w := range res.Warnings {
		writeLine(&h, w.Error())
	}
	return h.Sum64()
}

// writeLine writes words so that different words give different digests.
func writeLine(h *maphash.Hash, words ...string) {
	for _, w := range words {
		_, _ = h.WriteString(w)
		_ = h.WriteByte(0)
	}
	_ = h.WriteByte('\n')
}

// summary returns the attributes of the log line about a change.
func summary(h mutator.Hook, subject string, res *engine.Response) []slog.Attr {
	results := map[string]int{}
	var added []string
	for _, o := range res.Outcomes {
		results[string(o.Result)]++
		if o.Result == engine.Added {
			added = append(added, o.Name)
		}
	}
	attrs := []slog.Attr{slog.String(logging.KeyHook, string(h))}
	if h == mutator.HookTranslation {
		attrs = append(attrs, slog.String(logging.KeyGateway, subject))
	} else {
		attrs = append(attrs, slog.String(logging.KeyResource, subject))
	}
	attrs = append(attrs, slog.Any(logging.KeyResults, results))
	if len(added) > 0 {
		attrs = append(attrs, slog.Any(logging.KeyAdded, added))
	}
	if p := programmed(res.Policies); len(p) > 0 {
		attrs = append(attrs, slog.Any(logging.KeyPolicies, p))
	}
	return attrs
}

func programmed(policies []mutator.PolicyOutcome) []string {
	var out []string
	for _, p := range policies {
		if p.Reason == mutator.Programmed {
			out = append(out, p.Policy.String()+": "+p.Message)
		}
	}
	return out
}
