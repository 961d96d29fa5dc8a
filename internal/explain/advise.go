package explain

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// maxSuggested limits the suggested names, maxListed the listed ones.
const (
	maxSuggested = 3
	maxListed    = 10
)

// targetKinds are the kinds of targets whose policies Envoy Gateway sends.
var targetKinds = []string{xds.KindGateway, xds.KindHTTPRoute, xds.KindGRPCRoute}

// advise returns findings about the targets of a custom resource, compared with the names in calls.
func advise(o *object, seen *Seen) (found []Finding) {
	for _, t := range o.targets {
		if f, wrong := adviseTarget(o, t, seen); wrong && !slices.Contains(found, f) {
			found = append(found, f)
		}
	}
	if len(o.selectors) > 0 && len(o.targets) == 0 {
		return append(found, Find(finding.SelectsNothing, "its targetSelectors select no "+strings.Join(slices.Compact(slices.Clone(o.selectors)), " or ")+" of any call"))
	}
	return found
}

func adviseTarget(o *object, t policy.Target, seen *Seen) (Finding, bool) {
	if t.Group != policy.GatewayGroup || !slices.Contains(targetKinds, t.Kind) {
		if t.Group == policy.GatewayGroup && t.Kind == xds.KindGatewayClass {
			return Find(finding.UnsupportedTarget, fmt.Sprintf("GatewayClass %s is a target, and Envoy Gateway 1.9 and earlier send no policies of a GatewayClass", t.Name)), true
		}
		kind := t.Kind
		if t.Group != policy.GatewayGroup {
			kind += " of group " + orNone(t.Group)
		}
		return Find(finding.UnsupportedTarget, fmt.Sprintf("%s %s is a target of kind %s; targets are of group %s and kind %s", t.Kind, t.Name, kind, policy.GatewayGroup, orList(targetKinds))), true
	}
	what := t.Kind + " " + o.namespace + "/" + t.Name
	switch at := seen.find(t.Kind, o.namespace, t.Name); {
	case at == nil && !seen.Routes:
		return Find(finding.RoutesNotIncluded, "the Translation hook does not include routes, so egraft cannot tell whether "+what+" exists"), true
	case at == nil:
		return adviseName(o, t, what, seen), true
	case t.SectionName == "" || slices.Contains(at.Sections, t.SectionName):
		return Finding{}, false
	case !seen.Routes:
		return Find(finding.RoutesNotIncluded, "the Translation hook does not include routes, so egraft cannot tell whether "+what+" has a section "+t.SectionName), true
	default:
		return Find(finding.UnknownSection, what+" has no "+section(t.Kind)+" "+t.SectionName+suggest(t.SectionName, at.Sections, "")+existing(section(t.Kind), at.Sections)), true
	}
}

// adviseName returns the finding about a target that no call contains.
func adviseName(o *object, t policy.Target, what string, seen *Seen) Finding {
	if others := seen.elsewhere(t.Kind, o.namespace, t.Name); len(others) > 0 {
		return Find(finding.OtherNamespace, fmt.Sprintf("no call contains %s, but there is %s: a policy must be in the namespace of its target", what, list(others)))
	}
	names := seen.named(t.Kind, o.namespace)
	return Find(finding.UnknownTarget, "no call of Envoy Gateway contains "+what+suggest(t.Name, names, t.Kind+" "+o.namespace+"/")+
		existing(t.Kind+" in namespace "+orNone(o.namespace), names))
}

func section(kind string) string {
	if kind == xds.KindGateway {
		return "listener"
	}
	return "rule"
}

// suggest returns the question "did you mean", empty if no name is near.
func suggest(name string, names []string, prefix string) string {
	near := Nearest(name, names, maxSuggested)
	if len(near) == 0 {
		return ""
	}
	for i := range near {
		near[i] = prefix + near[i]
	}
	return "; did you mean " + orList(near) + "?"
}

// existing lists the names that exist.
func existing(what string, names []string) string {
	if len(names) == 0 {
		return "; no call contains any " + what
	}
	return " (in calls: " + list(names) + ")"
}

func list(names []string) string {
	if more := len(names) - maxListed; more > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:maxListed], ", "), more)
	}
	return strings.Join(names, ", ")
}

func orList(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " or " + words[n-1]
	}
	return strings.Join(words, "")
}

func orNone(s string) string {
	if s == "" {
		return `""`
	}
	return s
}
