package ads

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// requestEvery is the time between two requests of a timeline.
const requestEvery = 10 * time.Millisecond

// Span is a period in which all requests had the same response.
type Span struct {
	Answer   string
	From, To time.Duration // of its first and last request, since the beginning
	Requests int
}

// Timeline is what a client saw since a start time.
type Timeline []Span

// Watch sends requests for a host until one has the expected response, and continues for a while to
// check that it stays the same.
func (e *Envoy) Watch(ctx context.Context, begin time.Time, host, answer string, settle time.Duration) (Timeline, error) {
	ticker := time.NewTicker(requestEvery)
	defer ticker.Stop()
	var out Timeline
	for {
		at := time.Since(begin)
		out = out.add(e.Get(ctx, host), at)
		if last := out[len(out)-1]; last.Answer == answer && time.Since(begin)-last.From >= settle {
			return out, nil
		}
		select {
		case <-ctx.Done():
			return out, fmt.Errorf("%s: wait for %q: %w, saw %s", host, answer, context.Cause(ctx), out)
		case <-ticker.C:
		}
	}
}

func (t Timeline) add(answer string, at time.Duration) Timeline {
	if n := len(t); n > 0 && t[n-1].Answer == answer {
		t[n-1].To = at
		t[n-1].Requests++
		return t
	}
	return append(t, Span{Answer: answer, From: at, To: at, Requests: 1})
}

// Since returns when the last response was first seen.
func (t Timeline) Since() time.Duration { return t[len(t)-1].From }

// Count returns the number of requests whose response begins with a text.
func (t Timeline) Count(prefix string) int {
	n := 0
	for _, s := range t {
		if strings.HasPrefix(s.Answer, prefix) {
			n += s.Requests
		}
	}
	return n
}

// String returns the timeline on one line, such as "503 UH no_healthy_upstream ×12 from 0.00 s; 200
// 1 from 0.31 s".
func (t Timeline) String() string {
	var out []string
	for i, s := range t {
		text := fmt.Sprintf("%s ×%d from %.2f s", s.Answer, s.Requests, s.From.Seconds())
		if i == len(t)-1 {
			text = fmt.Sprintf("%s from %.2f s", s.Answer, s.From.Seconds())
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// AnswersAfter returns the responses in order, without an initial one that is expected.
func (t Timeline) AnswersAfter(first string) []string {
	var out []string
	for i, s := range t {
		if i > 0 || s.Answer != first {
			out = append(out, s.Answer)
		}
	}
	return out
}
