package mutator

import (
	"context"
	"iter"
	"maps"
)

// Counts are the numbers that edits counted, by key.
type Counts map[string]int

type countsKey struct{}

// WithCounts returns a context in which [Count] adds to counts.
func WithCounts(ctx context.Context, counts Counts) context.Context {
	return context.WithValue(ctx, countsKey{}, counts)
}

// Count adds n to the count under a key of the feature, usually the name of a policy. Features with
// [Feature.Rejects] call it in Edit of a [Plan] or a [Variant], with the context of Edit; for other
// features, it does nothing. Counts are part of the result of the edit: they are cached with it, and
// discarded if the edit fails. Each copy of a cluster counts separately.
func Count(ctx context.Context, key string, n int) {
	if counts, ok := ctx.Value(countsKey{}).(Counts); ok {
		counts[key] += n
	}
}

// Counted returns the count of the feature's edits of the call under a key. It is available in
// [Feature.Rejects] and in [Reporter.Report], but not in [ComputeOnce], because calls with the same
// input can have different counts.
func (in *Input) Counted(key string) int { return in.counts[key] }

// Counts returns all counts of the feature's edits of the call, in no order. It is available where
// [Input.Counted] is.
func (in *Input) Counts() iter.Seq2[string, int] { return maps.All(in.counts) }

// WithCounts returns a copy of the input with the counts of a feature's edits. Both share the results
// of [ComputeOnce].
func (in *Input) WithCounts(counts Counts) *Input {
	return &Input{
		Hook: in.Hook, Objects: in.Objects, Hostnames: in.Hostnames, Kinds: in.Kinds, Excess: in.Excess, Rejected: in.Rejected, Routes: in.Routes,
		counts: counts, of: in.origin(),
	}
}

// origin returns the input that holds the results of [ComputeOnce].
func (in *Input) origin() *Input {
	if in.of != nil {
		return in.of
	}
	return in
}
