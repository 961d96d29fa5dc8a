// Package doctor checks whether Envoy Gateway, egraft and their environment work together.
//
// A check is a pure function of [Facts], which callers gather. Checks are few and reliable: a check
// without the necessary facts is skipped and says why. The package must not read files, open
// connections or read the clock.
package doctor

import (
	"slices"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/terminal"
)

// Status is the result of a check.
type Status string

// The results of a check, from good to bad.
const (
	OK      Status = "ok"
	Skipped Status = "skipped"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Group is a heading under which checks are shown.
type Group string

// The groups in order.
const (
	GroupEgraft       Group = "egraft"
	GroupEnvoyGateway Group = "Envoy Gateway's configuration"
	GroupKubernetes   Group = "Kubernetes"
	GroupSurroundings Group = "Other configuration"
)

// Check is a check with its code and titles.
type Check struct {
	Code  finding.Code
	Group Group
	// Title states the expected condition.
	Title string
	run   func(*Facts) verdict
}

// Problem is a problem that a check found.
type Problem struct {
	// Status is Warning or Failed.
	Status Status `json:"status"`
	// Message says in one line what the problem is, and with which object.
	Message string `json:"message"`
	// Remedy is what to do; lines that begin with "$ " are commands.
	Remedy string `json:"remedy,omitempty"`
}

// Result is the result of a check.
type Result struct {
	Code   string `json:"code"`
	Name   string `json:"name"`
	Group  Group  `json:"group"`
	Title  string `json:"title"`
	Status Status `json:"status"`
	// Note is why the check was skipped, or what was observed.
	Note     string    `json:"note,omitempty"`
	Problems []Problem `json:"problems,omitempty"`
	// Lines are the lines of a result that is a list, such as commands to run.
	Lines []string `json:"lines,omitempty"`
	// Means and Link explain the code of a check whose status is not ok.
	Means string `json:"means,omitempty"`
	Link  string `json:"link,omitempty"`
}

// verdict is the return value of a check. Without problems the status is ok.
type verdict struct {
	skipped  bool
	note     string
	lines    []string
	problems []Problem
}

// Checks returns all checks in order.
func Checks() []Check {
	return slices.Concat(egraftChecks(), settingsChecks(), kubernetesChecks(), surroundingsChecks())
}

// Run runs all checks except those whose codes are in skip.
func Run(f *Facts, skip ...string) []Result {
	var out []Result
	for _, c := range Checks() {
		if !slices.Contains(skip, c.Code.ID) {
			out = append(out, c.result(c.run(f)))
		}
	}
	return out
}

// result returns the result of a check, with all texts made printable: tenants can choose them.
func (c *Check) result(v verdict) Result {
	r := Result{Code: c.Code.ID, Name: c.Code.Name, Group: c.Group, Title: c.Title, Status: v.status(), Note: terminal.Printable(v.note)}
	for _, p := range v.problems {
		r.Problems = append(r.Problems, Problem{p.Status, terminal.Printable(p.Message), terminal.PrintableLines(p.Remedy)})
	}
	for _, l := range v.lines {
		r.Lines = append(r.Lines, terminal.Printable(l))
	}
	if r.Status == Warning || r.Status == Failed {
		r.Means, r.Link = c.Code.Means, c.Code.Link()
	}
	return r
}

func (v *verdict) status() Status {
	switch {
	case v.skipped:
		return Skipped
	case slices.ContainsFunc(v.problems, func(p Problem) bool { return p.Status == Failed }):
		return Failed
	case len(v.problems) > 0:
		return Warning
	default:
		return OK
	}
}

// Count returns the number of results with a status.
func Count(results []Result, s Status) (n int) {
	for i := range results {
		if results[i].Status == s {
			n++
		}
	}
	return n
}

func skipped(why string) verdict            { return verdict{skipped: true, note: why} }
func found(problems ...Problem) verdict     { return verdict{problems: problems} }
func failed(message, remedy string) Problem { return Problem{Failed, message, remedy} }
func warning(message, remedy string) Problem {
	return Problem{Warning, message, remedy}
}
