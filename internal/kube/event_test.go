package kube

import (
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	create = "POST /apis/events.k8s.io/v1/namespaces/ns/events"
	repeat = "PATCH /apis/events.k8s.io/v1/namespaces/ns/events/NAME"
)

func TestEvent(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		f.Publish("default/eg", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
		after(settle)
		got := f.api.take()
		require.Equal(t, []string{create}, lines(got))
		require.JSONEq(t, `{
			"apiVersion": "events.k8s.io/v1", "kind": "Event",
			"metadata": {"namespace": "ns", "name": "p.f6bf272769460ed9"},
			"eventTime": "2000-01-01T00:00:01.000000Z",
			"reportingController": "egraft.io/egraft", "reportingInstance": "pod-1",
			"action": "Program", "type": "Normal", "reason": "Programmed", "note": "EGR300: works (Gateway default/eg)",
			"regarding": {"apiVersion": "example.com/v1", "kind": "Policy", "namespace": "ns", "name": "p", "uid": "uid-p"}
		}`, got[0].body)
		require.Equal(t, map[string]int{"event written": 1}, f.counts.all())
	})
}

func TestBadOutcomesAreWarnings(t *testing.T) {
	for _, reason := range []mutator.Reason{mutator.Conflicted, mutator.Invalid, mutator.TargetNotFound, mutator.MatchedNothing, mutator.Overridden, mutator.ApplyFailed} {
		e := events{}.event(key{}, outcome{reason: reason}).Object
		require.Equal(t, []any{"Warning", string(reason)}, []any{e["type"], e["reason"]})
	}
}

// TestCoded: the code precedes the message if the reason has one, within the maximum length of a
// message.
func TestCoded(t *testing.T) {
	require.Equal(t, "EGR302: another is older", coded(outcome{reason: mutator.Conflicted, message: "another is older"}))
	require.Equal(t, "is special", coded(outcome{reason: "Special", message: "is special"}))
	require.Len(t, coded(outcome{reason: mutator.Invalid, message: strings.Repeat("a", maxMessage)}), maxMessage)
	require.Equal(t, nameOf(key{}, outcome{reason: mutator.Invalid, message: "m"}), "."+outcome{reason: mutator.Invalid, message: "m"}.id(key{}), "it has no code")
}

// TestEventsOfGateways has a policy that takes effect on one Gateway, but not on another.
func TestEventsOfGateways(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		for range 3 {
			f.Publish("default/a", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
			f.Publish("default/b", []mutator.PolicyOutcome{outcomeOf("p", mutator.Conflicted, "another is older")})
			after(time.Minute)
		}
		got := f.api.take()
		require.Equal(t, []string{create, create}, lines(got), "each is said once")
		require.Contains(t, got[0].body, `"note":"EGR300: works (Gateway default/a)"`)
		require.Contains(t, got[1].body, `"note":"EGR302: another is older (Gateway default/b)"`)
	})
}

// TestWhatWasTrueBefore: an Event for an outcome that is current again must be the newest.
func TestWhatWasTrueBefore(t *testing.T) {
	good, bad := outcomeOf("p", mutator.Programmed, "works"), outcomeOf("p", mutator.Conflicted, "another is older")
	in(t, fine, func(t *testing.T, f *fixture) {
		for _, o := range []mutator.PolicyOutcome{good, bad, good, bad, good} {
			f.Publish("g", []mutator.PolicyOutcome{o})
			after(time.Minute)
		}
		got := f.api.take()
		require.Equal(t, []string{create, create, repeat, repeat, repeat}, lines(got))
		require.JSONEq(t, `{"series":{"count":2,"lastObservedTime":"2000-01-01T00:02:01.000000Z"}}`, got[2].body)
		require.JSONEq(t, `{"series":{"count":3,"lastObservedTime":"2000-01-01T00:04:01.000000Z"}}`, got[4].body)
		require.Equal(t, map[string]int{"event written": 2, "event repeated": 3}, f.counts.all())
	})
}

// TestExpiredEvents: the API server deletes Events after an hour. Outcomes of policies without
// effect are written again if they are still reported.
func TestExpiredEvents(t *testing.T) {
	in(t, fine, func(t *testing.T, f *fixture) {
		publish := func() {
			f.Publish("g", []mutator.PolicyOutcome{outcomeOf("good", mutator.Programmed, "works"), outcomeOf("bad", mutator.Invalid, "is wrong")})
		}
		publish()
		after(repeatAfter / 2)
		publish()
		after(repeatAfter / 2)
		require.Equal(t, []string{create, create}, lines(f.api.take()))

		f.api.set(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodPatch {
				return status(http.StatusNotFound, metav1.StatusReasonNotFound)(r)
			}
			return fine(r)
		})
		publish()
		after(time.Minute)
		got := f.api.take()
		require.Equal(t, []string{repeat, create}, lines(got))
		require.Contains(t, got[1].body, "is wrong")

		f.api.set(fine)
		after(repeatAfter)
		publish()
		after(time.Minute)
		require.Contains(t, f.api.take()[0].body, `"count":2`, "it was forgotten, so this is the second of the new one")
	})
}

// TestEventOfAnotherReplica has an Event that already exists.
func TestEventOfAnotherReplica(t *testing.T) {
	in(t, status(http.StatusConflict, metav1.StatusReasonAlreadyExists), func(t *testing.T, f *fixture) {
		for range 3 {
			f.Publish("g", []mutator.PolicyOutcome{outcomeOf("p", mutator.Programmed, "works")})
			after(time.Minute)
		}
		require.Equal(t, []string{create}, lines(f.api.take()))
		require.Equal(t, map[string]int{"event present": 1}, f.counts.all())
		require.Empty(t, f.said(t))
	})
}

func TestNames(t *testing.T) {
	k, o := key{kind: gvkPolicy, namespace: "ns", name: "p", gateway: "g"}, outcome{uid: "u", generation: 1, reason: "R", message: "m"}
	others := map[string]bool{nameOf(k, o): true}
	for _, change := range []func(*key, *outcome){
		func(k *key, _ *outcome) { k.gateway = "h" },
		func(k *key, _ *outcome) { k.kind.Kind = "Other" },
		func(_ *key, o *outcome) { o.uid = "v" },
		func(_ *key, o *outcome) { o.generation = 2 },
		func(_ *key, o *outcome) { o.reason = "S" },
		func(_ *key, o *outcome) { o.message = "n" },
	} {
		k, o := k, o
		change(&k, &o)
		others[nameOf(k, o)] = true
	}
	require.Len(t, others, 7, "what differs has another name")

	k.name = strings.Repeat("a", 235) + "." + strings.Repeat("b", 17)
	require.Equal(t, strings.Repeat("a", 235), nameOf(k, o)[:235])
	require.Len(t, nameOf(k, o), 235+1+16, "no two dots follow one another")
	require.Equal(t, "default", namespaceOf(key{}))
}

func TestCut(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
	}{
		{"short", "ab", "ab"},
		{"as long as may be", "abcdefgh", "abcdefgh"},
		{"one more", "abcdefghi", "abcde…"},
		{"between the bytes of a character", "abcdé-fgh", "abcd…"},
		{"not UTF-8", "a\xff", "a\uFFFD"},
		{"not UTF-8 and too long because of that", "\xffabc\xffd", "\uFFFDab…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := cut(test.text, 8)
			require.Equal(t, test.want, got)
			require.True(t, utf8.ValidString(got))
		})
	}
}
