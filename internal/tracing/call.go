package tracing

import (
	"context"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// scope names this instrumentation in spans.
const scope = "github.com/egraft/egraft"

// Call is a hook call whose span is recorded. A nil Call does nothing.
type Call struct {
	span  trace.Span
	began time.Time

	mu    sync.Mutex
	times map[string]*times
}

// times are the times of a feature's mutators, which may run in parallel.
type times struct {
	first, last time.Time
	sum         time.Duration
	runs        int
}

type callKey struct{}

// Begin returns the call of the context's span, and a context in which [ran] finds it. If the span
// is not recorded, it returns nil and the context itself.
func Begin(ctx context.Context) (context.Context, *Call) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return ctx, nil
	}
	c := &Call{span: span, began: time.Now(), times: map[string]*times{}}
	return context.WithValue(ctx, callKey{}, c), c
}

// ran records that a feature's mutator started at began and has ended, for
// [engine.WithRunObserver].
func ran(ctx context.Context, feature string, began time.Time) {
	c, _ := ctx.Value(callKey{}).(*Call)
	if c == nil {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.times[feature]
	if t == nil {
		t = &times{first: began}
		c.times[feature] = t
	}
	if began.Before(t.first) {
		t.first = began
	}
	t.last, t.sum, t.runs = now, t.sum+now.Sub(began), t.runs+1
}

// End describes the call in its span, with a child for each feature. The context must be the one from [Begin].
func (c *Call) End(ctx context.Context, call *engine.Call, res *engine.Response) {
	if c == nil {
		return
	}
	c.span.SetAttributes(attribute.String("egraft.hook", string(call.Hook)), attribute.Int("egraft.policies", len(res.Policies)))
	if subject := res.Subject(); call.Hook == mutator.HookTranslation {
		c.span.SetAttributes(attribute.String("egraft.gateways", bounded(subject)))
	} else {
		c.span.SetAttributes(attribute.String("egraft.resource", bounded(subject)))
	}
	for _, l := range call.Resources {
		c.span.SetAttributes(attribute.Int("egraft.resources."+string(l.Kind), len(l.Encoded)))
	}
	reasons := map[mutator.Reason]int{}
	for _, p := range res.Policies {
		reasons[p.Reason]++
	}
	for r, n := range reasons {
		c.span.SetAttributes(attribute.Int("egraft.policies."+string(r), n))
	}
	features, order := byFeature(res.Outcomes)
	for _, f := range order {
		c.child(ctx, f, features[f])
	}
}

// byFeature counts outcomes by feature, and returns the features in the order of their first outcome.
func byFeature(outcomes []*engine.Outcome) (counts map[string]map[engine.Result]int, order []string) {
	counts = map[string]map[engine.Result]int{}
	for _, o := range outcomes {
		if counts[o.Feature] == nil {
			counts[o.Feature] = map[engine.Result]int{}
			order = append(order, o.Feature)
		}
		counts[o.Feature][o.Result]++
	}
	return counts, order
}

// child records the span of a feature: from the start of the first mutator to the end of the last
// one. If all results came from the cache, no mutator ran, and the span has no length.
func (c *Call) child(ctx context.Context, feature string, results map[engine.Result]int) {
	c.mu.Lock()
	t := times{first: c.began, last: c.began}
	if ran := c.times[feature]; ran != nil {
		t = *ran
	}
	c.mu.Unlock()
	_, span := c.span.TracerProvider().Tracer(scope).Start(ctx, "feature "+feature, trace.WithTimestamp(t.first))
	span.SetAttributes(attribute.String("egraft.feature", feature),
		attribute.Int("egraft.mutator.runs", t.runs), attribute.Float64("egraft.mutator.seconds", t.sum.Seconds()))
	for r, n := range results {
		span.SetAttributes(attribute.Int("egraft.results."+string(r), n))
		if isFailure(r) {
			span.SetStatus(codes.Error, "")
		}
	}
	span.End(trace.WithTimestamp(t.last))
}

func isFailure(r engine.Result) bool {
	return r != engine.Applied && r != engine.Unchanged && r != engine.Added && r != engine.Pruned
}

// maxTextBytes limits texts in spans: with merged Gateways, the list of their names is long.
const maxTextBytes = 1 << 10

// bounded limits a text, and makes it valid UTF-8: otherwise the exporter could not encode the batch.
func bounded(text string) string {
	if len(text) > maxTextBytes {
		text = text[:maxTextBytes] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
