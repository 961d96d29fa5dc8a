package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"
)

// benchCase is one measured case. prepare changes the request before each call.
type benchCase struct {
	name    string
	request *request
	prepare func(r *request, call int)
	// own holds the requests of servers that do not get the common one.
	own map[string]*request
}

// requestOf returns the request that a server gets.
func (c benchCase) requestOf(server string) *request { return cmp.Or(c.own[server], c.request) }

// cases returns the cases of a size. Hooks for single resources are measured once, not for every
// size.
func cases(clusters int) []benchCase {
	nothing := func(*request, int) {}
	all := translate(clusters, mtls)
	list := []benchCase{
		{name: "none-targeted", request: translate(clusters, elsewhere()), prepare: nothing},
		{name: "all-warm", request: all, prepare: nothing},
		{name: "one-changed", request: all, prepare: func(r *request, call int) { r.change(1, call) }},
		{name: "all-new", request: all, prepare: func(r *request, call int) { r.change(clusters, call) }},
	}
	if clusters == 1 {
		list = append(list, benchCase{name: "single-hook", request: oneVirtualHost(), prepare: nothing}, benchCase{name: "single-policy", request: oneRoute(), prepare: nothing})
	}
	return list
}

// casesOf returns the cases to measure.
func casesOf(clusters int, o options) []benchCase {
	if o.policies {
		return policyCases(clusters)
	}
	return cases(clusters)
}

// compare measures all servers in all cases.
func compare(ctx context.Context, o options) error {
	var all []measurement
	var idle float64
	for i, size := range o.sizes {
		m, resident, err := compareAt(ctx, size, o)
		if err != nil {
			return fmt.Errorf("%d clusters: %w", size, err)
		}
		if all = append(all, m...); i == 0 {
			idle = resident
		}
	}
	switch {
	case o.policies:
		return reportPolicies(os.Stdout, o.out, all)
	case o.isAmongEgrafts():
		return nil
	}
	return report(os.Stdout, o.out, all, idle)
}

// compareAt measures servers that have seen no other size. idle is egraft's memory before its first
// call.
func compareAt(ctx context.Context, size int, o options) (all []measurement, idle float64, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	o.cache = cmp.Or(o.cache, cacheFor(size))
	var running []*server
	for _, name := range servers(o) {
		s, err := start(ctx, name, dir, o)
		if err != nil {
			return nil, 0, err
		}
		defer s.stop()
		running = append(running, s)
	}
	before, err := running[0].usage(ctx)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range casesOf(size, o) {
		if !o.cases.MatchString(c.name) {
			continue
		}
		m, err := measure(ctx, running, c, size, o.rounds)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", c.name, err)
		}
		printBenchstat(os.Stdout, m)
		all = append(all, m...)
	}
	if o.isAmongEgrafts() && !o.policies {
		err = printJournal(ctx, os.Stdout, running, all)
	}
	return all, before.resident, err
}

// cacheFor returns egraft's default cache size for each 10,000 clusters.
func cacheFor(clusters int) string { return fmt.Sprintf("%dMi", 64*max(1, (clusters+9_999)/10_000)) }

// measurement is the result of a server in a case.
type measurement struct {
	Case      string `json:"case"`
	Resources int    `json:"resources"`
	Server    string `json:"server"`
	NsOp      int64  `json:"ns_op"` // the median of the rounds
	BytesOp   int64  `json:"bytes_op"`
	AllocsOp  int64  `json:"allocs_op"`
	CPUOp     int64  `json:"cpu_ns_op,omitempty"` // only if written

	rounds []time.Duration // the mean of each
	calls  int             // of a round
	cpu    time.Duration   // of a call, user and system, including background work
}

// roundTime is the minimum duration of a round of a fast server.
const roundTime = 50 * time.Millisecond

// measure runs the servers in turns. All of them get the same requests.
func measure(ctx context.Context, running []*server, c benchCase, size, rounds int) ([]measurement, error) {
	out := make([]measurement, len(running))
	before := make([]usage, len(running))
	calls, number := 1, 0
	for i, s := range running {
		out[i] = measurement{Case: c.name, Resources: size, Server: s.name}
		took, err := warmUp(ctx, s, c, &number)
		if err != nil {
			return nil, err
		}
		calls = max(calls, int(roundTime/took))
		if before[i], err = s.usage(ctx); err != nil {
			return nil, err
		}
	}
	for range rounds {
		from := number
		for i, s := range running {
			number = from
			took, err := round(ctx, s, c, calls, &number)
			if err != nil {
				return nil, err
			}
			out[i].rounds, out[i].calls = append(out[i].rounds, took), calls
		}
	}
	for i, s := range running {
		after, err := s.usage(ctx)
		if err != nil {
			return nil, err
		}
		out[i].settle(before[i], after, rounds*calls)
	}
	return out, nil
}

// warmUp makes some calls, checks the response and returns the duration of the last call.
func warmUp(ctx context.Context, s *server, c benchCase, number *int) (took time.Duration, err error) {
	for range 3 {
		if took, err = round(ctx, s, c, 1, number); err != nil {
			return 0, err
		}
	}
	var answer []byte
	if err := s.call(ctx, c.requestOf(s.name), &answer); err != nil {
		return 0, err
	}
	return took, check(s.name, c, answer)
}

// round returns the mean duration of some calls.
func round(ctx context.Context, s *server, c benchCase, calls int, number *int) (time.Duration, error) {
	var total time.Duration
	r := c.requestOf(s.name)
	for range calls {
		*number++
		r.turn(*number)
		c.prepare(r, *number)
		began := time.Now()
		if err := s.call(ctx, r, nil); err != nil {
			return 0, err
		}
		total += time.Since(began)
	}
	return total / time.Duration(calls), nil
}
