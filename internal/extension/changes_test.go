package extension

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// lines runs f with a log and returns the lines at info and above.
func lines(t *testing.T, f func(*slog.Logger)) (out []map[string]any) {
	t.Helper()
	var b bytes.Buffer
	f(slog.New(slog.NewJSONHandler(&b, nil)))
	for dec := json.NewDecoder(&b); dec.More(); {
		line := map[string]any{}
		require.NoError(t, dec.Decode(&line))
		delete(line, "time")
		out = append(out, line)
	}
	return out
}

// translation returns a result for Gateway default/eg.
func translation(outcomes ...*engine.Outcome) *engine.Response {
	return &engine.Response{Outcomes: outcomes, Subject: func() string { return "default/eg" }}
}

func TestChangesAreSaidOnce(t *testing.T) {
	call := &engine.Call{Hook: mutator.HookTranslation}
	applied := &engine.Outcome{Feature: "f", Kind: mutator.KindCluster, Name: "c", Result: engine.Applied}
	got := lines(t, func(log *slog.Logger) {
		c := newChanges(log)
		c.logIfChanged(t.Context(), call, translation()) // nothing to log yet
		c.logIfChanged(t.Context(), call, translation(applied))
		c.logIfChanged(t.Context(), call, translation(applied)) // no change
		c.logIfChanged(t.Context(), call, translation())        // back to nothing
		c.logIfChanged(t.Context(), call, translation())
	})
	require.Equal(t, []map[string]any{
		{"level": "INFO", "msg": "configuration changed", "hook": "Translation", "gateway": "default/eg", "results": map[string]any{"applied": 1.0}},
		{"level": "INFO", "msg": "configuration changed", "hook": "Translation", "gateway": "default/eg", "results": map[string]any{}},
	}, got)
}

func TestFailuresAreSaidWithTheirReason(t *testing.T) {
	res := translation(&engine.Outcome{Feature: "f", Kind: mutator.KindCluster, Name: "c", Result: engine.Denied, Err: errors.New("broken")})
	res.Policies = []mutator.PolicyOutcome{{Policy: &policy.Object{Namespace: "ns", Name: "p"}, Reason: mutator.Conflicted, Message: "older"}}
	res.Warnings = []error{errors.New("odd")}
	got := lines(t, func(log *slog.Logger) {
		newChanges(log).logIfChanged(t.Context(), &engine.Call{Hook: mutator.HookTranslation}, res)
	})
	require.Equal(t, []map[string]any{
		{"level": "INFO", "msg": "configuration changed", "hook": "Translation", "gateway": "default/eg", "results": map[string]any{"denied": 1.0}},
		{"level": "WARN", "msg": "hook call warning", "hook": "Translation", "error": "odd"},
		{"level": "ERROR", "msg": "mutator failed", "hook": "Translation", "feature": "f", "kind": "Cluster", "resource": "c", "result": "denied", "error": "broken"},
		{"level": "WARN", "msg": "policy not programmed", "hook": "Translation", "policy": " ns/p", "reason": "Conflicted", "finding": "EGR302", "message": "older"},
	}, got)
}

func TestPanicIsSaidWithItsStack(t *testing.T) {
	err := &sandbox.PanicError{Value: "v", Stack: []byte("goroutine 1")}
	res := translation(
		&engine.Outcome{Feature: "f", Name: "c", Result: engine.Denied, Err: err},
		&engine.Outcome{Feature: "f", Name: "c", Result: engine.Panicked, Err: err},
	)
	got := lines(t, func(log *slog.Logger) {
		newChanges(log).logIfChanged(t.Context(), &engine.Call{Hook: mutator.HookTranslation}, res)
	})
	require.Len(t, got, 2)
	require.Equal(t, "goroutine 1", got[1]["stack"])
}

// TestSingleResourcesAreDebug: single resources are logged at debug, since a Gateway has thousands
// of routes.
func TestSingleResourcesAreDebug(t *testing.T) {
	res := &engine.Response{Subject: func() string { return "r" }, Outcomes: []*engine.Outcome{{Feature: "f", Name: "r", Result: engine.Applied}}}
	require.Empty(t, lines(t, func(log *slog.Logger) {
		newChanges(log).logIfChanged(t.Context(), &engine.Call{Hook: mutator.HookRoute}, res)
	}))
}

// TestDigest compares results that differ in one field with each other.
func TestDigest(t *testing.T) {
	c := newChanges(slog.New(slog.DiscardHandler))
	of := func(edit func(*engine.Outcome)) *engine.Response {
		first := engine.Outcome{Feature: "f", Kind: mutator.KindCluster, Name: "a", Result: engine.Applied}
		second := first
		second.Name = "b"
		edit(&second)
		return translation(&first, &second)
	}
	was := of(func(*engine.Outcome) {})
	again := of(func(*engine.Outcome) {})
	require.Equal(t, c.digest(was), c.digest(again))
	policies := func(name string, reason mutator.Reason, message string) *engine.Response {
		return &engine.Response{Outcomes: was.Outcomes, Policies: []mutator.PolicyOutcome{
			{Policy: &policy.Object{Namespace: "n", Name: name}, Reason: reason, Message: message},
		}}
	}
	seen := map[uint64]string{c.digest(was): "what it was"}
	for name, res := range map[string]*engine.Response{
		"feature":    of(func(o *engine.Outcome) { o.Feature = "g" }),
		"kind":       of(func(o *engine.Outcome) { o.Kind = mutator.KindSecret }),
		"name":       of(func(o *engine.Outcome) { o.Name = "c" }),
		"verdict":    of(func(o *engine.Outcome) { o.Result = engine.Unchanged }),
		"error":      of(func(o *engine.Outcome) { o.Err = errors.New("e") }),
		"one less":   translation(was.Outcomes[0]),
		"one more":   translation(was.Outcomes[0], was.Outcomes[1], was.Outcomes[1]),
		"order":      translation(was.Outcomes[1], was.Outcomes[0]),
		"nothing":    translation(),
		"one policy": policies("p", mutator.Programmed, "m"),
		"its name":   policies("q", mutator.Programmed, "m"),
		"its reason": policies("p", mutator.Conflicted, "m"),
		"message":    policies("p", mutator.Programmed, "n"),
		"a warning":  {Outcomes: was.Outcomes, Warnings: []error{errors.New("odd")}},
		"another":    {Outcomes: was.Outcomes, Warnings: []error{errors.New("odder")}},
	} {
		digest := c.digest(res)
		require.Empty(t, seen[digest], name)
		seen[digest] = name
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c := newChanges(slog.New(slog.DiscardHandler))
	for i := range 2*maxSubjects + 5 {
		c.changed(string(rune(i)), uint64(i), false)
	}
	require.LessOrEqual(t, len(c.digests), maxSubjects)
}
