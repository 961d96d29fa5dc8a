package envoyadmin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/mutator"
)

// Problem is why a policy is not active in all Envoys, or a remark if it is.
type Problem struct {
	Code finding.Code
	// Failed is true if some Envoy does not use what egraft returned.
	Failed  bool
	Message string
}

// Verdict is the conclusion from the reports of all Envoys.
type Verdict struct {
	// Summary is one line.
	Summary string
	// Problems are the problems, failed ones first, with one of each code and kind of resource.
	Problems []Problem
}

// Failed reports whether some Envoy does not use what egraft returned.
func (v *Verdict) Failed() bool {
	return slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.Failed })
}

// Judge concludes whether all Envoys use what egraft returned.
func Judge(reports []*Report) *Verdict {
	out, good := &Verdict{}, 0
	for _, r := range reports {
		before := len(out.Problems)
		r.judge(out)
		if !slices.ContainsFunc(out.Problems[before:], func(p Problem) bool { return p.Failed }) {
			good++
		}
	}
	if len(reports) == 0 {
		out.Problems = append(out.Problems, Problem{finding.NoEnvoy, true, "no Envoy was found"})
	}
	out.Summary = fmt.Sprintf("%d of %d Envoys have what egraft returned", good, len(reports))
	slices.SortStableFunc(out.Problems, func(a, b Problem) int { return rank(a) - rank(b) })
	return out
}

func rank(p Problem) int {
	if p.Failed {
		return 0
	}
	return 1
}

// judge adds the problems of one Envoy.
func (r *Report) judge(v *Verdict) {
	add := func(c finding.Code, failed bool, format string, arguments ...any) {
		v.Problems = append(v.Problems, Problem{c, failed, terminal.Printable("Envoy " + r.Envoy + " " + fmt.Sprintf(format, arguments...))})
	}
	if r.Error != "" {
		add(finding.EnvoyUnreachable, true, "cannot be examined: %s", r.Error)
		return
	}
	if r.State != "LIVE" {
		add(finding.EnvoyNotLive, true, "is %s", r.State)
	}
	if r.Disconnected {
		add(finding.Disconnected, false, "is not connected to Envoy Gateway")
	}
	for _, g := range r.groups() {
		switch what := g.what(); g.status {
		case Rejected:
			add(finding.Rejected, true, "rejected an update, and does not use %s as egraft returned %s%s", what, g.pronoun(), r.reasonOf(g))
		case Differs:
			add(finding.Differs, true, "uses another version of %s%s", what, g.first.fields())
		case Missing:
			add(finding.NotInEnvoy, true, "does not have %s", what)
		case Warming:
			add(finding.StillWarming, true, "has %s and does not use %s yet", what, g.pronoun())
		case Active:
			add(finding.StillDraining, false, "still serves connections from before the update of %s", what)
		}
	}
}

// group is resources of one kind with the same state, which is a problem.
type group struct {
	kind   mutator.Kind
	status Status
	names  []string
	first  *Result
}

// groups omits resources without a problem; [Active] stands for draining listeners.
func (r *Report) groups() (out []*group) {
	for i := range r.Resources {
		x := &r.Resources[i]
		if x.Status == Active && !x.Draining {
			continue
		}
		at := slices.IndexFunc(out, func(g *group) bool { return g.kind == x.Kind && g.status == x.Status })
		if at < 0 {
			at, out = len(out), append(out, &group{kind: x.Kind, status: x.Status, first: x})
		}
		out[at].names = append(out[at].names, x.Name)
	}
	return out
}

// words are the names of kinds in messages.
var words = map[mutator.Kind]string{
	mutator.KindCluster: "cluster", mutator.KindListener: "listener", mutator.KindRouteConfiguration: "route configuration",
}

func (g *group) what() string {
	if len(g.names) == 1 {
		return words[g.kind] + " " + g.names[0]
	}
	const shown = 3
	names := strings.Join(g.names[:min(shown, len(g.names))], ", ")
	if more := len(g.names) - shown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("%d %ss (%s)", len(g.names), words[g.kind], names)
}

func (g *group) pronoun() string {
	if len(g.names) == 1 {
		return "it"
	}
	return "them"
}

// reasonOf returns Envoy's reason. For clusters and routes, which have reasons only in Envoy's log,
// it returns how many updates Envoy rejected.
func (r *Report) reasonOf(g *group) string {
	if g.first.Reason != "" {
		return ": " + g.first.Reason
	}
	return fmt.Sprintf(" (%d rejected updates of %s since it started; its log has the reasons)", r.RejectedUpdates[updates[g.kind]], updates[g.kind])
}

// fields returns the first fields that differ.
func (r *Result) fields() string {
	const shown = 3
	if r.Diff == nil || len(r.Diff.Changes) == 0 {
		return ""
	}
	var paths []string
	for _, c := range r.Diff.Changes[:min(shown, len(r.Diff.Changes))] {
		paths = append(paths, strings.TrimSpace(c.Path+" "+c.Note))
	}
	out := ": " + strings.Join(paths, ", ") + " differ"
	if more := len(r.Diff.Changes) - shown; more > 0 {
		out = fmt.Sprintf(": %s and %d more fields differ", strings.Join(paths, ", "), more)
	}
	return out
}
