package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// faultyAPIServer responds as a test specifies. The e2e tests cover an API server without faults.
type faultyAPIServer struct {
	mu       sync.Mutex
	answer   func(*http.Request) (*http.Response, error)
	requests []request
}

// request is a request that the server received.
type request struct {
	at   time.Time
	line string
	body string
}

// RoundTrip implements [http.RoundTripper].
func (s *faultyAPIServer) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.mu.Lock()
	s.requests = append(s.requests, request{time.Now(), r.Method + " " + r.URL.Path, string(body)})
	answer := s.answer
	s.mu.Unlock()
	return answer(r)
}

// set changes the responses of the server from now on.
func (s *faultyAPIServer) set(answer func(*http.Request) (*http.Response, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

// take returns the requests since the previous call.
func (s *faultyAPIServer) take() []request {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.requests
	s.requests = nil
	return got
}

// lines returns the requests without the variable part of Events' names.
func lines(requests []request) (out []string) {
	for _, r := range requests {
		line := r.line
		if head, _, is := strings.Cut(line, "/events/"); is {
			line = head + "/events/NAME"
		}
		out = append(out, line)
	}
	return out
}

func respond(code int, body any) (*http.Response, error) {
	b, err := json.Marshal(body)
	return &http.Response{
		StatusCode: code, Status: http.StatusText(code), Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(bytes.NewReader(b)),
	}, err
}

// status returns an error response.
func status(code int, reason metav1.StatusReason, causes ...metav1.CauseType) func(*http.Request) (*http.Response, error) {
	s := metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
		Code: int32(code), Reason: reason, Message: "on purpose", Details: &metav1.StatusDetails{},
	}
	for _, c := range causes {
		s.Details.Causes = append(s.Details.Causes, metav1.StatusCause{Type: c})
	}
	return func(*http.Request) (*http.Response, error) { return respond(code, s) }
}

// fine responds to a write with success.
func fine(*http.Request) (*http.Response, error) {
	return respond(http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "Anything", "metadata": map[string]any{}})
}

// hanging never responds.
func hanging(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// counts is an observer that counts calls.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) Written(what, result string) { c.add(what + " " + result) }
func (c *counts) Dropped()                    { c.add("dropped") }

func (c *counts) add(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[key]++
}

func (c *counts) all() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]int{}
	for k, n := range c.of {
		out[k] = n
	}
	return out
}

// fixture is a publisher that runs in a synctest bubble.
type fixture struct {
	*Publisher
	api    *faultyAPIServer
	counts *counts
	log    *bytes.Buffer
	stop   func()
}

// in runs a test with a publisher.
func in(t *testing.T, answer func(*http.Request) (*http.Response, error), test func(*testing.T, *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{api: &faultyAPIServer{answer: answer}, counts: &counts{of: map[string]int{}}, log: &bytes.Buffer{}}
		var err error
		f.Publisher, err = newPublisher(
			Config{Instance: "pod-1", Log: slog.New(slog.NewJSONHandler(f.log, nil)), Observer: f.counts},
			&rest.Config{Host: "http://api", Transport: f.api})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Run(ctx) }()
		f.stop = func() { cancel(); <-ended }
		defer f.stop()
		test(t, f)
	})
}

// after advances the time.
func after(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// said returns the messages of the log.
func (f *fixture) said(t *testing.T) (out []string) {
	t.Helper()
	for line := range strings.Lines(f.log.String()) {
		var record struct{ Level, Msg string }
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		out = append(out, record.Level+" "+record.Msg)
	}
	return out
}

var (
	gvkPolicy = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Policy"}
	gvkFilter = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Filter"}
)

func outcomeOf(name string, reason mutator.Reason, message string) mutator.PolicyOutcome {
	return mutator.PolicyOutcome{
		Policy: &policy.Object{GroupVersionKind: gvkPolicy, Namespace: "ns", Name: name, UID: types.UID("uid-" + name), Generation: 3},
		Reason: reason, Message: message,
	}
}

// filterOutcome returns an outcome of an object whose status egraft writes.
func filterOutcome(generation int64, reason mutator.Reason, message string) mutator.PolicyOutcome {
	return mutator.PolicyOutcome{
		Policy: &policy.Object{GroupVersionKind: gvkFilter, Namespace: "ns", Name: "f", UID: "uid-f", Generation: generation, ConditionsOf: "filters"},
		Reason: reason, Message: message,
	}
}
