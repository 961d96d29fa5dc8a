package kube

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/pkg/mutator"
)

const (
	read  = "GET /apis/example.com/v1/namespaces/ns/filters/f"
	apply = "PATCH /apis/example.com/v1/namespaces/ns/filters/f/status"
)

// having responds with an object that has conditions.
func having(uid string, list ...metav1.Condition) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return respond(http.StatusOK, map[string]any{
			"apiVersion": "example.com/v1", "kind": "Filter",
			"metadata": map[string]any{"namespace": "ns", "name": "f", "uid": uid, "resourceVersion": "7"},
			"status":   map[string]any{"conditions": list},
		})
	}
}

func existing(typ string, status metav1.ConditionStatus, reason, message string, generation int64) metav1.Condition {
	return metav1.Condition{
		Type: typ, Status: status, Reason: reason, Message: message, ObservedGeneration: generation,
		LastTransitionTime: metav1.NewTime(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
}

// conditionRequests publishes an outcome and returns the requests except those for Events, and the
// counts of conditions.
func conditionRequests(t *testing.T, answer func(*http.Request) (*http.Response, error), o mutator.PolicyOutcome) (got []request, counts map[string]int) {
	t.Helper()
	in(t, answer, func(t *testing.T, f *fixture) {
		f.Publish("", []mutator.PolicyOutcome{o})
		after(10 * time.Minute)
		for _, r := range f.api.take() {
			if r.line != create {
				got = append(got, r)
			}
		}
		counts = f.counts.all()
	})
	return got, counts
}

// applied returns the conditions in the body of a request.
func applied(t *testing.T, body string) []metav1.Condition {
	t.Helper()
	var object struct {
		Status struct{ Conditions []metav1.Condition }
	}
	require.NoError(t, json.Unmarshal([]byte(body), &object))
	return object.Status.Conditions
}

func TestNewConditions(t *testing.T) {
	got, counts := conditionRequests(t, having("uid-f"), filterOutcome(2, mutator.Programmed, "works"))
	require.Equal(t, []string{read, apply}, lines(got))
	require.JSONEq(t, `{
		"apiVersion": "example.com/v1", "kind": "Filter",
		"metadata": {"namespace": "ns", "name": "f", "resourceVersion": "7"},
		"status": {"conditions": [
			{"type": "Accepted", "status": "True", "reason": "Accepted", "message": "", "observedGeneration": 2, "lastTransitionTime": "2000-01-01T00:00:01Z"},
			{"type": "Programmed", "status": "True", "reason": "Programmed", "message": "works", "observedGeneration": 2, "lastTransitionTime": "2000-01-01T00:00:01Z"}
		]}
	}`, got[1].body)
	require.Equal(t, 1, counts["conditions written"])
	require.Equal(t, 1, counts["event written"], "there is an Event as well")
}

func TestConditionsThatAreThere(t *testing.T) {
	isAccepted := existing("Accepted", metav1.ConditionTrue, "Accepted", "", 2)
	isProgrammed := existing("Programmed", metav1.ConditionTrue, "Programmed", "works", 2)
	programmed, invalid := filterOutcome(2, mutator.Programmed, "works"), filterOutcome(2, mutator.Invalid, "wrong")
	for _, test := range []struct {
		name   string
		there  []metav1.Condition
		o      mutator.PolicyOutcome
		result string
		want   []string
	}{
		{"the same", []metav1.Condition{isProgrammed, isAccepted}, programmed, "present", []string{read}},
		{"of an older generation", []metav1.Condition{isAccepted, isProgrammed}, filterOutcome(3, mutator.Programmed, "works"), "written", []string{read, apply}},
		{"of a newer generation", []metav1.Condition{isAccepted, isProgrammed}, filterOutcome(1, mutator.Invalid, "wrong"), "outdated", []string{read}},
		{"another status", []metav1.Condition{isAccepted, isProgrammed}, invalid, "written", []string{read, apply}},
		{"one of two", []metav1.Condition{isAccepted}, programmed, "written", []string{read, apply}},
		{"somebody else's as well", []metav1.Condition{existing("Other", metav1.ConditionTrue, "X", "", 9), isAccepted, isProgrammed}, programmed, "present", []string{read}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, counts := conditionRequests(t, having("uid-f", test.there...), test.o)
			require.Equal(t, test.want, lines(got))
			require.Equal(t, 1, counts["conditions "+test.result])
		})
	}
}

// TestTimeOfTransition: the transition time changes with the status, not with the text.
func TestTimeOfTransition(t *testing.T) {
	then := existing("", "", "", "", 0).LastTransitionTime.UTC()
	there := having("uid-f",
		existing("Accepted", metav1.ConditionTrue, "Accepted", "", 1),
		existing("Other", metav1.ConditionTrue, "X", "", 1),
		existing("Programmed", metav1.ConditionTrue, "Programmed", "works", 1))
	got, _ := conditionRequests(t, there, filterOutcome(2, mutator.Overridden, "not any more"))
	list := applied(t, got[1].body)
	require.Len(t, list, 2, "others are not egraft's to write")
	require.Equal(t, then, list[0].LastTransitionTime.UTC(), "Accepted as before")
	require.EqualValues(t, 2, list[0].ObservedGeneration)
	require.Equal(t, time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC), list[1].LastTransitionTime.UTC())
	require.Equal(t, "Overridden", list[1].Reason)
}

func TestWantedConditions(t *testing.T) {
	for reason, want := range map[mutator.Reason][2]string{
		mutator.Programmed:     {"True Accepted", "True Programmed"},
		mutator.Overridden:     {"True Accepted", "False Overridden"},
		mutator.ApplyFailed:    {"True Accepted", "False ApplyFailed"},
		mutator.Invalid:        {"False Invalid", "False Invalid"},
		mutator.Conflicted:     {"False Conflicted", "False Conflicted"},
		mutator.TargetNotFound: {"False TargetNotFound", "False TargetNotFound"},
		mutator.MatchedNothing: {"True Accepted", "False MatchedNothing"},
	} {
		c := wanted(outcome{reason: reason})
		require.Equal(t, want, [2]string{string(c[0].Status) + " " + c[0].Reason, string(c[1].Status) + " " + c[1].Reason})
	}
}

func TestObjectsThatAreGone(t *testing.T) {
	for name, answer := range map[string]func(*http.Request) (*http.Response, error){
		"deleted":   status(http.StatusNotFound, metav1.StatusReasonNotFound),
		"recreated": having("another"),
	} {
		t.Run(name, func(t *testing.T) {
			got, counts := conditionRequests(t, answer, filterOutcome(1, mutator.Programmed, "works"))
			require.Equal(t, []string{read}, lines(got))
			require.Equal(t, 1, counts["conditions outdated"])
		})
	}
}

// TestOtherReplicaWasFaster: after a conflict, the object is read again.
func TestOtherReplicaWasFaster(t *testing.T) {
	first := true
	answer := func(r *http.Request) (*http.Response, error) {
		switch {
		case r.Method == http.MethodPatch:
			first = false
			return status(http.StatusConflict, metav1.StatusReasonConflict)(r)
		case first:
			return having("uid-f")(r)
		default:
			return having("uid-f", wanted(outcome{reason: mutator.Programmed, message: "works", generation: 1})...)(r)
		}
	}
	got, counts := conditionRequests(t, answer, filterOutcome(1, mutator.Programmed, "works"))
	require.Equal(t, []string{read, apply, read}, lines(got))
	require.Equal(t, 1, counts["conditions conflict"])
	require.Equal(t, 1, counts["conditions present"])
}

func TestConditionsThatCannotBeWritten(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(*http.Request) (*http.Response, error)
		log    string
	}{
		{
			"no status subresource", func(r *http.Request) (*http.Response, error) {
				if r.Method == http.MethodPatch {
					return status(http.StatusNotFound, metav1.StatusReasonNotFound)(r)
				}
				return having("uid-f")(r)
			},
			"apply filters/status (it was read, so the CRD may lack the status subresource): on purpose",
		},
		{
			"another kind of status", func(*http.Request) (*http.Response, error) {
				return respond(http.StatusOK, map[string]any{
					"apiVersion": "example.com/v1", "kind": "Filter", "metadata": map[string]any{"uid": "uid-f"},
					"status": map[string]any{"conditions": "none"},
				})
			},
			"read status.conditions: cannot restore slice from string",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			in(t, test.answer, func(t *testing.T, f *fixture) {
				f.Publish("", []mutator.PolicyOutcome{filterOutcome(1, mutator.Programmed, "works")})
				after(10 * time.Minute)
				require.Equal(t, 1, f.counts.all()["conditions rejected"])
				require.Contains(t, f.log.String(), `"write":"conditions","error":"`+test.log+`"`)
			})
		})
	}
}

// TestPermissionForConditions: a missing permission for conditions does not delay Events.
func TestPermissionForConditions(t *testing.T) {
	answer := func(r *http.Request) (*http.Response, error) {
		if r.Method == http.MethodGet {
			return status(http.StatusForbidden, metav1.StatusReasonForbidden)(r)
		}
		return fine(r)
	}
	in(t, answer, func(t *testing.T, f *fixture) {
		f.Publish("", []mutator.PolicyOutcome{filterOutcome(1, mutator.Programmed, "works")})
		after(permissionFirst + settle)
		require.Equal(t, map[string]int{"conditions forbidden": 2, "event written": 1}, f.counts.all())
		require.Contains(t, f.log.String(), `"permission":"get filters.example.com and patch filters.example.com/status"`)
	})
}

// TestWorstOfATranslation has a filter that takes effect on one route, but not on another.
func TestWorstOfATranslation(t *testing.T) {
	in(t, having("uid-f"), func(t *testing.T, f *fixture) {
		for range 3 {
			f.Publish("", []mutator.PolicyOutcome{filterOutcome(1, mutator.Programmed, "works")})
			f.Publish("", []mutator.PolicyOutcome{filterOutcome(1, mutator.Invalid, "no retries here")})
			f.Publish("", []mutator.PolicyOutcome{filterOutcome(1, mutator.Programmed, "works")})
			after(time.Minute)
		}
		got := f.api.take()
		require.Equal(t, []string{create, read, apply}, lines(got))
		require.Equal(t, "no retries here", applied(t, got[2].body)[1].Message)
	})
}
