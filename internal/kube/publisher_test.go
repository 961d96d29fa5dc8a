package kube

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/mutator"
)

// TestPublishDoesNotWait: in a bubble, time advances only if a goroutine waits.
func TestPublishDoesNotWait(t *testing.T) {
	in(t, hanging, func(t *testing.T, f *fixture) {
		f.Publish("g", many(100))
		after(settle) // Run hangs in a request
		require.Len(t, f.api.take(), 1)
		began := time.Now()
		f.Publish("g", many(2*maxOutcomes))
		require.Zero(t, time.Since(began))
	})
}

// TestRunEnds: Run returns while a request hangs.
func TestRunEnds(t *testing.T) {
	in(t, hanging, func(t *testing.T, f *fixture) {
		f.Publish("g", many(10))
		after(settle)
		began := time.Now()
		f.stop()
		require.Zero(t, time.Since(began))
		require.Empty(t, f.said(t), "the end is no failure")
	})
}

func TestOverflow(t *testing.T) {
	in(t, hanging, func(t *testing.T, f *fixture) {
		f.Publish("g", many(maxOutcomes+5))
		f.Publish("g", many(5)) // they replace outcomes in the table
		require.Equal(t, map[string]int{"dropped": 5}, f.counts.all())
	})
}

func TestRequestsAreLimited(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		f.Publish("g", many(200))
		after(settle)
		require.Len(t, f.api.take(), requestBurst)
		after(10 * time.Second)
		require.Len(t, f.api.take(), 10*requestPerSecond)
		after(time.Minute)
		require.Len(t, f.api.take(), 50)
	})
}

// TestFlapping: a policy that changes all the time gets few Events, and the last one is current.
func TestFlapping(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		for i := range 1000 {
			f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Invalid, fmt.Sprintf("error %d", i))})
			after(time.Second)
		}
		f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
		after(2 * keyEvery)
		got := f.api.take()
		require.LessOrEqual(t, len(got), keyBurst+1000/60+3)
		require.Contains(t, got[len(got)-1].body, "works")
	})
}

// TestLatestWins: an outcome that was not written yet is replaced by a newer one.
func TestLatestWins(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Invalid, "wrong")})
		f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
		after(time.Minute)
		got := f.api.take()
		require.Len(t, got, 1)
		require.Contains(t, got[0].body, "works")
	})
}

// TestNewOutcomeDuringAWrite: an outcome that arrives during a write is not lost.
func TestNewOutcomeDuringAWrite(t *testing.T) {
	slow := func(r *http.Request) (*http.Response, error) { <-time.After(requestTimeout / 2); return fine(r) }
	in(t, slow, func(t *testing.T, f *fixture) {
		f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Invalid, "wrong")})
		after(settle)
		f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
		after(time.Minute)
		got := f.api.take()
		require.Equal(t, []string{create, create}, lines(got))
		require.Contains(t, got[1].body, "works")
	})
}

func TestMerge(t *testing.T) {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	report := func(generation int64, reason mutator.Reason, message string, at time.Duration) outcome {
		return outcome{uid: "u", generation: generation, reason: reason, message: message, since: began.Add(at), burst: began.Add(at)}
	}
	for _, test := range []struct {
		name        string
		gateway     string
		before, now outcome
		want        string
	}{
		{"the later one", "g", report(1, mutator.Invalid, "old", 0), report(1, mutator.Programmed, "new", 0), "new"},
		{"the later one of one burst", "", report(1, mutator.Invalid, "old", 0), report(1, mutator.Conflicted, "new", 0), "new"},
		{"a bad one before", "", report(1, mutator.Invalid, "old", 0), report(1, mutator.Programmed, "new", settle/2), "old"},
		{"a bad one after", "", report(1, mutator.Programmed, "old", 0), report(1, mutator.Invalid, "new", settle/2), "new"},
		{"another burst", "", report(1, mutator.Invalid, "old", 0), report(1, mutator.Programmed, "new", settle), "new"},
		{"a newer generation", "", report(1, mutator.Invalid, "old", 0), report(2, mutator.Programmed, "new", 0), "new"},
		{"an older generation", "g", report(2, mutator.Invalid, "old", 0), report(1, mutator.Programmed, "new", time.Hour), "old"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := merge(key{gateway: test.gateway}, test.before, test.now)
			require.Equal(t, test.want, got.message)
			require.Equal(t, began, got.since, "it waits since then")
		})
	}
	recreated := report(1, mutator.Programmed, "new", 0)
	recreated.uid = "v"
	require.Equal(t, "new", merge(key{}, report(2, mutator.Invalid, "old", 0), recreated).message)
}

func TestNote(t *testing.T) {
	require.Equal(t, "m", note("m", ""))
	require.Equal(t, "m (Gateway a/b,a/c)", note("m", "a/b,a/c"))
	long := newOutcome(outcomeOf("p", mutator.Invalid, ""), note(strings.Repeat("x", 1000), strings.Repeat("g", 1000)))
	require.Len(t, long.message, maxMessage)
}

// TestMemoryIsBounded: the records of deleted policies do not accumulate.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory()
	for i := range maxOutcomes + 10 {
		m.of(key{name: fmt.Sprint(i)})
	}
	require.Equal(t, maxOutcomes, m.records.Len())
	r := m.of(key{})
	for i := range 3 * maxTexts {
		r.add(fmt.Sprint(i), written)
	}
	require.LessOrEqual(t, len(r.counts), maxTexts)
}
