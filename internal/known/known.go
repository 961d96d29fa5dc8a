// Package known reports whether Envoy Gateway knows a custom resource: the first stage of a policy.
//
// It judges facts that callers gathered, and must not read files or connect to anything.
package known

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/internal/wiring"
)

// Presence is whether something exists.
type Presence int

// The values of Presence. Unknown means that it could not be determined.
const (
	Unknown Presence = iota
	There
	Absent
)

// Facts is the information about a custom resource from outside of egraft.
type Facts struct {
	wiring.Kind
	Namespace, Name string

	// Installed is whether the API server serves the kind. Exists is whether the API server has the
	// object or, with the file provider, whether some file contains it.
	Installed, Exists Presence
	// Near are names that the object's name could be a typo of, as namespace/name.
	Near []string
	// Generation is the object's, 0 if it has none.
	Generation int64
	// Ancestors are the entries that Envoy Gateway wrote to the status of a policy.
	Ancestors []Ancestor

	// Config is Envoy Gateway's configuration, nil if unknown, and Needs what egraft's features
	// need from it. Socket is egraft's socket, and may be empty.
	Config *wiring.Config
	Needs  *wiring.Needs
	Socket string
	// Release is Envoy Gateway's version, empty if unknown. RouteTargets are the routes that a
	// policy targets, and OtherTargets is true if it has other targets.
	Release      string
	RouteTargets []string
	OtherTargets bool
	// NamespaceLabels are nil if unknown.
	NamespaceLabels map[string]string
	// Missing lists the facts that could not be gathered, with the reasons.
	Missing []string
}

// Ancestor is Envoy Gateway's status of a policy for one Gateway.
type Ancestor struct {
	// Gateway is namespace/name.
	Gateway    string
	Conditions []metav1.Condition
}

// Problem is a problem with a custom resource.
type Problem struct {
	Code finding.Code
	// Failed is false for a possible problem.
	Failed  bool
	Message string
}

// Verdict is the conclusion from facts.
type Verdict struct {
	// Summary is one line, and Problems are the problems found. Examined is false if it is unknown
	// whether the object exists.
	Summary  string
	Problems []Problem
	Examined bool
}

// Failed reports whether Envoy Gateway cannot know the object.
func (v *Verdict) Failed() bool {
	return slices.ContainsFunc(v.Problems, func(p Problem) bool { return p.Failed })
}

// Judge concludes whether Envoy Gateway knows the object.
func Judge(f *Facts) *Verdict {
	v := &Verdict{Examined: f.Exists != Unknown || f.Installed == Absent}
	for _, judge := range []func(*Facts, *Verdict){(*Facts).existence, (*Facts).configured, (*Facts).watched, (*Facts).released, (*Facts).status} {
		judge(f, v)
	}
	v.Summary = f.summary()
	if len(v.Problems) > 0 {
		v.Summary = v.Problems[0].Message
	}
	return v
}

func (v *Verdict) add(c finding.Code, failed bool, format string, arguments ...any) {
	v.Problems = append(v.Problems, Problem{c, failed, terminal.Printable(fmt.Sprintf(format, arguments...))})
}

func (f *Facts) title() string { return f.Kind.Kind + " " + f.Namespace + "/" + f.Name }

// summary lists what was found to be in order.
func (f *Facts) summary() string {
	var out []string
	if f.Exists == There {
		text := "exists"
		if f.Generation > 0 {
			text += fmt.Sprintf(", generation %d", f.Generation)
			if len(f.Ancestors) > 0 {
				text += " observed by Envoy Gateway"
			}
		}
		out = append(out, text)
	}
	if f.Config != nil {
		out = append(out, "kind configured")
	}
	if len(f.Missing) > 0 {
		out = append(out, terminal.Printable("not examined: "+strings.Join(f.Missing, "; ")))
	}
	return strings.Join(out, "; ")
}

func (f *Facts) existence(v *Verdict) {
	switch {
	case f.Installed == Absent:
		v.add(finding.KindNotInstalled, true, "the API server does not serve %s", f.Kind)
	case f.Exists == Absent:
		hint := ""
		if len(f.Near) > 0 {
			hint = ": did you mean " + strings.Join(f.Near, ", ") + "?"
		}
		v.add(finding.ObjectNotFound, true, "%s does not exist%s", f.title(), hint)
	}
}

// configured compares the kinds in the extension manager with those that egraft needs.
func (f *Facts) configured(v *Verdict) {
	if f.Config == nil || f.Needs == nil {
		return
	}
	at := f.Config.Egrafts(f.Needs, f.Socket)
	if at < 0 {
		v.add(finding.NotWired, true, "Envoy Gateway's configuration has no extension manager for egraft")
		return
	}
	m, title := f.Config.Managers()[at], f.Config.Title(at)
	for _, list := range []struct {
		field      string
		need, have []wiring.Kind
	}{
		{"policyResources", f.Needs.Policies, m.PolicyResources},
		{"resources", f.Needs.Filters, m.Resources},
		{"backendResources", f.Needs.Backends, m.BackendResources},
	} {
		if slices.Contains(list.need, f.Kind) && !slices.Contains(list.have, f.Kind) {
			v.add(finding.KindNotConfigured, true, "%s.%s of Envoy Gateway's configuration lacks %s", title, list.field, f.Kind)
		}
	}
}

// watched reports whether the namespace is among those that Envoy Gateway reads.
func (f *Facts) watched(v *Verdict) {
	if f.Config == nil || f.Config.Kubernetes() == nil || f.Config.Kubernetes().Watch == nil {
		return
	}
	w := f.Config.Kubernetes().Watch
	if len(w.Namespaces) > 0 && !slices.Contains(w.Namespaces, f.Namespace) {
		v.add(finding.NamespaceNotWatched, true, "namespace %s is not among provider.kubernetes.watch.namespaces of Envoy Gateway's configuration", f.Namespace)
	}
	if w.NamespaceSelector == nil || f.NamespaceLabels == nil {
		return
	}
	selector, err := metav1.LabelSelectorAsSelector(w.NamespaceSelector)
	if err == nil && !selector.Matches(labels.Set(f.NamespaceLabels)) {
		v.add(finding.NamespaceNotWatched, true, "namespace %s does not have the labels of provider.kubernetes.watch.namespaceSelector: %s", f.Namespace, selector)
	}
}

// released checks whether the release of Envoy Gateway sends policies with these targets.
func (f *Facts) released(v *Verdict) {
	if len(f.RouteTargets) > 0 && version.Precedes(f.Release, version.RouteTargets) {
		v.add(finding.NotInRelease, !f.OtherTargets, "Envoy Gateway before %s does not send policies that target routes, and this is %s: %s has no effect on %s",
			version.RouteTargets, f.Release, f.title(), strings.Join(f.RouteTargets, ", "))
	}
}

// status checks the status that Envoy Gateway wrote. It writes none for filters and backends, and
// none without Kubernetes.
func (f *Facts) status(v *Verdict) {
	if f.Exists != There || f.Generation == 0 || f.Needs == nil || !slices.Contains(f.Needs.Policies, f.Kind) {
		return
	}
	if len(f.Ancestors) == 0 {
		v.add(finding.NoStatus, false, "Envoy Gateway has written no status for %s", f.title())
		return
	}
	for _, a := range f.Ancestors {
		for _, c := range a.Conditions {
			if c.Type != "Accepted" {
				continue
			}
			switch {
			case c.ObservedGeneration < f.Generation:
				v.add(finding.NotObserved, true, "Envoy Gateway has processed generation %d of %s for Gateway %s, which is at generation %d", c.ObservedGeneration, f.title(), a.Gateway, f.Generation)
			case c.Status == metav1.ConditionFalse:
				v.add(finding.NotAccepted, true, "Envoy Gateway does not accept %s for Gateway %s: %s: %s", f.title(), a.Gateway, c.Reason, c.Message)
			}
		}
	}
}
