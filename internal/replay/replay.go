// Package replay makes recorded calls to two egrafts and compares their responses: two versions,
// two configurations, or the same one with the calls of two recordings.
//
// It must not know the purpose of the calls, and must not print secrets.
package replay

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/diff"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
)

// Server responds to calls.
type Server interface {
	Call(ctx context.Context, call *engine.Call) ([]engine.Resources, error)
}

// Pair is a call for each of the two servers. With one recording, both are the same.
type Pair struct{ Before, After *recording.Call }

// Report is the result of a replay.
type Report struct {
	// Requests is the number of pairs of calls, Identical the number of those with identical responses.
	Requests  int `json:"requests"`
	Identical int `json:"identical"`
	// Different are the other pairs, including those that failed on one side.
	Different []Request `json:"different"`
	// NotDeterministic are calls to which a server responded differently when they were repeated.
	NotDeterministic []Request `json:"notDeterministic"`
	// Unmatched are calls that exist in only one of two recordings.
	Unmatched []Request `json:"unmatched,omitempty"`
	// Slowest are the calls that took longest, on either side.
	Slowest []Request `json:"slowest"`
}

// Request is a call with its differences.
type Request struct {
	ID       string       `json:"id,omitempty"`
	Hook     mutator.Hook `json:"hook"`
	Gateway  string       `json:"gateway,omitempty"`
	Resource string       `json:"resource,omitempty"` // for a call for a single resource
	// Side is "before" or "after" if it concerns only one of the two.
	Side string `json:"side,omitempty"`
	// Before and After are the durations in nanoseconds; BeforeError and AfterError are why the calls failed.
	Before      time.Duration `json:"before,omitempty"`
	After       time.Duration `json:"after,omitempty"`
	BeforeError string        `json:"beforeError,omitempty"`
	AfterError  string        `json:"afterError,omitempty"`
	Resources   []Resource    `json:"resources,omitempty"`
}

// Resource is a resource that differs.
type Resource struct {
	Op      diff.Op       `json:"op"`
	Kind    mutator.Kind  `json:"kind"`
	Name    string        `json:"name"`
	Note    string        `json:"note,omitempty"`
	Changes []diff.Change `json:"changes,omitempty"`
}

// slowest is the number of slowest calls in a report.
const slowest = 5

// Run makes all calls. It only returns an error if the context ends.
func Run(ctx context.Context, before, after Server, pairs []Pair) (*Report, error) {
	r := &Report{Different: []Request{}, NotDeterministic: []Request{}, Slowest: []Request{}}
	for _, p := range pairs {
		if err := r.pair(ctx, before, after, p); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	slices.SortStableFunc(r.Slowest, func(a, b Request) int { return int(max(b.Before, b.After) - max(a.Before, a.After)) })
	r.Slowest = r.Slowest[:min(len(r.Slowest), slowest)]
	return r, nil
}

// pair makes the calls of a pair, each twice.
func (r *Report) pair(ctx context.Context, before, after Server, p Pair) error {
	q := describe(p.After)
	b, err := r.ask(ctx, before, p.Before, "before")
	if err != nil {
		return err
	}
	a, err := r.ask(ctx, after, p.After, "after")
	if err != nil {
		return err
	}
	q.Before, q.After = b.took, a.took
	r.Requests++
	r.Slowest = append(r.Slowest, q)
	q.BeforeError, q.AfterError = errorText(b.err), errorText(a.err)
	if q.Resources, err = compare(b, a); err != nil {
		return fmt.Errorf("compare the responses to call %s: %w", q.ID, err)
	}
	if q.BeforeError == q.AfterError && len(q.Resources) == 0 {
		r.Identical++
	} else {
		r.Different = append(r.Different, q)
	}
	return nil
}

// answer is the response of a server.
type answer struct {
	resources []engine.Resources
	took      time.Duration
	err       error
}

// ask makes a call twice and compares the responses.
func (r *Report) ask(ctx context.Context, s Server, c *recording.Call, side string) (first answer, err error) {
	began := time.Now()
	first.resources, first.err = s.Call(ctx, c.Call)
	first.took = time.Since(began)
	again := answer{}
	again.resources, again.err = s.Call(ctx, c.Call)
	q := describe(c)
	q.Side, q.BeforeError, q.AfterError = side, errorText(first.err), errorText(again.err)
	if q.Resources, err = compare(first, again); err != nil {
		return first, fmt.Errorf("compare the responses to call %s: %w", q.ID, err)
	}
	if q.BeforeError != q.AfterError || len(q.Resources) > 0 {
		r.NotDeterministic = append(r.NotDeterministic, q)
	}
	return first, nil
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func describe(c *recording.Call) Request {
	q := Request{ID: c.ID, Hook: c.Hook, Gateway: c.Gateway}
	if c.Hook != mutator.HookTranslation {
		q.Resource = nameOf(c)
	}
	return q
}

func nameOf(c *recording.Call) string {
	for _, list := range c.Resources {
		for _, raw := range list.Encoded {
			if name, err := callfile.NameOf(list.Kind, raw); err == nil {
				return strings.Clone(name)
			}
		}
	}
	return ""
}

// Same pairs each call of one recording with itself.
func Same(r *recording.Recording) (pairs []Pair) {
	for _, c := range r.Calls {
		pairs = append(pairs, Pair{c, c})
	}
	return pairs
}

// Match pairs the calls of two recordings: the last translations of each Gateway, and the last
// calls for each single resource. It also returns the calls that have no counterpart.
func Match(before, after *recording.Recording) (pairs []Pair, unmatched []Request) {
	key := func(c *recording.Call) string {
		q := describe(c)
		return strings.Join(append([]string{string(q.Hook), q.Gateway, q.Resource}, c.Hostnames...), "\n")
	}
	last := map[string]*recording.Call{}
	for _, c := range before.Calls {
		last[key(c)] = c
	}
	latest, found := map[string]*recording.Call{}, map[string]bool{}
	for _, c := range after.Calls {
		latest[key(c)] = c
	}
	for _, c := range after.Calls {
		switch k := key(c); {
		case latest[k] != c:
		case last[k] == nil:
			unmatched = append(unmatched, one(c, "after"))
		default:
			pairs, found[k] = append(pairs, Pair{last[k], c}), true
		}
	}
	for _, c := range before.Calls {
		if k := key(c); last[k] == c && !found[k] {
			unmatched = append(unmatched, one(c, "before"))
		}
	}
	return pairs, unmatched
}

func one(c *recording.Call, side string) Request {
	q := describe(c)
	q.Side = side
	return q
}
