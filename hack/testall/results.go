package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// results are the results of all tests. Its methods may be called concurrently.
type results struct {
	whole    bool
	mu       sync.Mutex
	passed   int
	packages map[string]bool
	failed   []string
	skipped  map[string][]string // tests by reason
	others   []string
}

func newResults() *results {
	return &results{packages: map[string]bool{}, skipped: map[string][]string{}}
}

// postponed is the prefix of the reason for skipping a test that runs later: "later: needs [PART ...]".
const postponed = "later: "

// group is the postponed tests that need the same parts.
type group struct {
	reason string
	needs  []string
	tests  map[string][]string // by the name of their subtest, which is empty for whole tests
}

// environ returns the environment in which the scenarios do not wait for parts that they do not need.
func (g group) environ() []string {
	if slices.Contains(g.needs, "spire-server") {
		return []string{"EGRAFT_E2E_PARTS=spire"}
	}
	return nil
}

// later returns the postponed tests.
func (r *results) later() []group {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []group
	for _, reason := range slices.Sorted(maps.Keys(r.skipped)) {
		needs, ok := strings.CutPrefix(reason, postponed+"needs ")
		if !ok {
			continue
		}
		g := group{reason: reason, needs: strings.Fields(strings.Trim(needs, "[]")), tests: map[string][]string{}}
		for _, test := range r.skipped[reason] {
			name, sub, _ := strings.Cut(test, "/")
			g.tests[sub] = append(g.tests[sub], name)
		}
		out = append(out, g)
	}
	return out
}

// forget removes skipped tests with the given reason, because they run later.
func (r *results) forget(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.DeleteFunc(r.skipped, func(text string, _ []string) bool { return strings.HasPrefix(text, reason) })
}

// other records a test that go test does not run.
func (r *results) other(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.failed = append(r.failed, name)
		return
	}
	r.others = append(r.others, name)
}

// shown is the number of tests with the same reason that are named.
const shown = 3

// summary prints what ran, what did not, and why.
func (r *results) summary(out io.Writer, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Fprintf(out, "\nsummary, after %s\n", took.Round(time.Second))
	fmt.Fprintf(out, "  passed    %d tests in %d packages%s\n", r.passed, len(r.packages), strings.Join(append([]string{""}, r.others...), ", and "))
	for _, name := range r.failed {
		fmt.Fprintf(out, "  FAILED    %s\n", name)
	}
	for _, reason := range slices.Sorted(maps.Keys(r.skipped)) {
		tests := r.skipped[reason]
		names := strings.Join(tests[:min(shown, len(tests))], ", ")
		if more := len(tests) - shown; more > 0 {
			names += fmt.Sprintf(" and %d more", more)
		}
		fmt.Fprintf(out, "  left out  %s: %s\n", names, strings.TrimPrefix(reason, postponed))
	}
	others := "the other scenarios, the tests of the alert rules and the race detector (make test WHOLE=1), "
	if r.whole {
		others = ""
	}
	fmt.Fprintf(out, "  not here  %sclusters (make e2e-node, make e2e-kind), fuzzing (make fuzz)\n", others)
}

// events reads the output of go test -json. It prints package results and the output of failed
// tests as go test does.
type events struct {
	results *results
	out     io.Writer
	part    []byte            // of a line
	texts   map[string]string // of running tests, by package and name
}

// event is an event of go test, see `go doc test2json`.
type event struct {
	Action, Package, Test, Output string
}

func (e *events) Write(p []byte) (int, error) {
	e.part = append(e.part, p...)
	for {
		line, rest, whole := bytes.Cut(e.part, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		e.part = rest
		e.line(line)
	}
}

// end processes the remaining bytes.
func (e *events) end() {
	if len(e.part) > 0 {
		e.line(e.part)
		e.part = nil
	}
}

func (e *events) line(line []byte) {
	var v event
	if json.Unmarshal(line, &v) != nil || v.Action == "" {
		fmt.Fprintf(e.out, "%s\n", line)
		return
	}
	if e.texts == nil {
		e.texts = map[string]string{}
	}
	key := v.Package + " " + v.Test
	switch v.Action {
	case "build-output":
		fmt.Fprint(e.out, v.Output)
	case "output":
		e.output(v, key)
	case "pass", "fail", "skip":
		e.results.mu.Lock()
		e.ended(v, key)
		e.results.mu.Unlock()
		delete(e.texts, key)
	}
}

func (e *events) output(v event, key string) {
	switch {
	case v.Test != "":
		e.texts[key] += v.Output
	case v.Output == "PASS\n" || strings.HasPrefix(v.Output, "?   \t"):
	default:
		fmt.Fprint(e.out, v.Output)
	}
}

// ended records a result. The failure of a package counts only if none of its tests failed.
func (e *events) ended(v event, key string) {
	r := e.results
	switch {
	case v.Test == "" && v.Action == "fail":
		e.unfinished(v.Package)
		if !slices.ContainsFunc(r.failed, func(name string) bool { return strings.HasPrefix(name, v.Package+" ") }) {
			r.failed = append(r.failed, v.Package+" (as a whole)")
		}
	case v.Test == "":
	case v.Action == "fail":
		r.failed = append(r.failed, v.Package+" "+v.Test)
		fmt.Fprint(e.out, e.texts[key])
	case v.Action == "skip":
		reason := reasonOf(e.texts[key])
		r.skipped[reason] = append(r.skipped[reason], v.Test)
	default:
		r.passed++
		r.packages[v.Package] = true
	}
}

// unfinished prints the output of tests that a panic or the timeout ended.
func (e *events) unfinished(pkg string) {
	for _, key := range slices.Sorted(maps.Keys(e.texts)) {
		if strings.HasPrefix(key, pkg+" ") && !strings.HasSuffix(key, " ") {
			fmt.Fprint(e.out, e.texts[key])
			delete(e.texts, key)
		}
	}
}

// reasonOf returns the reason why a test was skipped: "    main_test.go:12: reason".
func reasonOf(text string) string {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if _, reason, ok := strings.Cut(line, ".go:"); ok && !strings.HasPrefix(line, "---") {
			if _, reason, ok := strings.Cut(reason, ": "); ok {
				return reason
			}
		}
	}
	return "no reason given"
}
