package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/e2e/matrix"
)

// runner runs cells.
type runner struct {
	cells      []matrix.Cell
	root, page string
	timeout    time.Duration
	out        io.Writer
	now        func() time.Time
	execute    func(ctx context.Context, dir string, environ []string, command ...string) (string, error)
}

// all runs all cells, and updates the table after each.
func (r *runner) all(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "egraft-matrix-")
	if err != nil {
		return fmt.Errorf("make a directory for the logs: %w", err)
	}
	fmt.Fprintf(r.out, "matrix: %d cells; their logs are in %s\n", len(r.cells), dir)
	program := filepath.Join(dir, "e2e.test")
	if out, err := r.execute(ctx, r.root, nil, "go", "test", "-c", "-tags", "e2e,grpcnotrace", "-o", program, "./e2e"); err != nil {
		return fmt.Errorf("compile the scenarios: %w\n%s", err, out)
	}
	var failed []string
	for i, c := range r.cells {
		begun := r.now()
		results, out, err := r.cell(ctx, program, c)
		if ctx.Err() != nil {
			return errors.New("interrupted")
		}
		log := filepath.Join(dir, fmt.Sprintf("%02d.log", i+1))
		if err := os.WriteFile(log, []byte(out), 0o600); err != nil {
			return fmt.Errorf("keep the log: %w", err)
		}
		if err := record(r.page, c, results, begun); err != nil {
			return err
		}
		verdict := results.verdict(c)
		fmt.Fprintf(r.out, "[%d/%d] %s: %s, %s\n", i+1, len(r.cells), c, verdict, r.now().Sub(begun).Round(time.Second))
		if err != nil || results.failed() {
			fmt.Fprintf(r.out, "        %v, see %s\n", err, log)
			failed = append(failed, c.String())
		}
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d cells failed:\n  %s", len(failed), len(r.cells), strings.Join(failed, "\n  "))
	}
	return nil
}

// cell runs one cell and returns the results of its features.
func (r *runner) cell(ctx context.Context, program string, c matrix.Cell) (results, string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.timeout, fmt.Errorf("the cell timed out after %s", r.timeout))
	defer cancel()
	environ := c.Environ()
	if !c.Kubernetes {
		environ = append(environ, "EGRAFT_E2E_PARTS=matrix")
	}
	out, err := r.execute(ctx, filepath.Join(r.root, "e2e"), environ, program,
		"-test.v", "-test.run", "^"+c.Test()+"$", "-test.timeout", r.timeout.String())
	return read(c, out, err), out, err
}

// results maps the ID of each feature in the cell to its outcome.
type results map[string]outcome

// outcome is an entry of the table.
type outcome string

const (
	pass    outcome = "pass"
	notSent outcome = "not sent"
	failure outcome = "**fails**"
	notRun  outcome = "not run"
	noPart  outcome = "–"
)

// outcomes are all valid entries of the table.
var outcomes = []outcome{pass, notSent, failure, notRun, noPart}

var subtest = regexp.MustCompile(`(?m)^    --- (PASS|FAIL): ` + matrix.Test + `/(\S+) `)

// read parses the results in a test's output. A feature without a result counts as failed.
func read(c matrix.Cell, out string, err error) results {
	told := results{}
	for _, m := range subtest.FindAllStringSubmatch(out, -1) {
		if told[m[2]] = pass; m[1] == "FAIL" {
			told[m[2]] = failure
		}
	}
	r := results{}
	for _, f := range matrix.Features() {
		switch {
		case !c.Has(f):
			r[f.ID] = noPart
		case c.Kubernetes && err == nil && strings.Contains(out, "--- PASS: "+c.Test()+" "):
			r[f.ID] = pass
		case told[f.ID] == pass && !c.Delivers(f):
			r[f.ID] = notSent
		case told[f.ID] == pass:
			r[f.ID] = pass
		default:
			r[f.ID] = failure
		}
	}
	return r
}

func (r results) failed() bool { return slices.Contains(slices.Collect(values(r)), failure) }

// verdict summarizes the results in a line.
func (r results) verdict(c matrix.Cell) string {
	var bad []string
	good := 0
	for _, f := range matrix.Features() {
		switch r[f.ID] {
		case failure:
			bad = append(bad, f.Title)
		case pass, notSent:
			good++
		}
	}
	if len(bad) > 0 {
		return "fails: " + strings.Join(bad, ", ")
	}
	return fmt.Sprintf("all %d as expected", good)
}
