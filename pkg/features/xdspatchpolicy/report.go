package xdspatchpolicy

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// reporter reports the outcome of each policy. All policies of a target take effect together.
type reporter struct{}

// Report implements [mutator.Reporter].
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookTranslation {
		for _, o := range in.Objects.Of(gvk) {
			if o.Err != nil {
				out = append(out, invalid(o))
			} else { // the mutator reports it if it does not fit into the route's metadata
				out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Pending})
			}
		}
		return out
	}
	lost := lossesOf(in)
	for _, o := range everyPolicy(in) {
		out = append(out, outcome(in, o, lost[o.String()]))
	}
	return out
}

// known is a policy of a translation, and whether any message belongs to one of its targets.
type known struct {
	*policy.Object
	hasTarget bool
}

type everyPolicyKey struct{}

// everyPolicy returns the policies of the call and those in route metadata. It is computed once.
func everyPolicy(in *mutator.Input) []*known {
	return mutator.ComputeOnce(in, everyPolicyKey{}, newEveryPolicy)
}

func newEveryPolicy(in *mutator.Input) (all []*known) {
	seen := map[string]*known{}
	add := func(o *policy.Object, hasTarget bool) {
		k := seen[o.String()]
		if k == nil {
			k = &known{Object: o}
			seen[o.String()], all = k, append(all, k)
		}
		if o.Err != nil || k.Content() == nil {
			k.Object = o
		}
		k.hasTarget = k.hasTarget || hasTarget
	}
	for _, o := range in.Objects.Of(gvk) {
		add(o, false)
	}
	for _, name := range in.Routes().Configurations() {
		for _, h := range in.Routes().Hosts(name) {
			for _, c := range mutator.Attached(in, gvk, h.Listeners()) {
				add(c.Object, true)
			}
			for _, entries := range h.MetadataEntries() {
				eachOwn(in, entries, func(c policy.Attachment) { add(c.Object, true) })
			}
		}
	}
	return all
}

func eachOwn(in *mutator.Input, entries []xds.MetadataEntry, f func(policy.Attachment)) {
	for _, m := range entries {
		for _, c := range mutator.DecodeAttached(in, kind, m) {
			f(c)
		}
	}
}

func invalid(o *policy.Object) mutator.PolicyOutcome {
	return mutator.PolicyOutcome{Policy: o, Reason: mutator.ReasonOf(o.Err), Message: o.Err.Error() + without(o)}
}

// without describes what happens to the targets if a policy does not take effect.
func without(o *policy.Object) string {
	if denies(o) {
		return "; requests to its targets are rejected"
	}
	return "; its targets are served without it"
}

func outcome(in *mutator.Input, k *known, lost losses) mutator.PolicyOutcome {
	switch {
	case k.Err != nil:
		return invalid(k.Object)
	case !k.hasTarget:
		return mutator.PolicyOutcome{Policy: k.Object, Reason: mutator.TargetNotFound, Message: "no listener of any target has a route, or Envoy Gateway does not include routes in the Translation hook"}
	}
	if err := excess(in)[k.ID()]; err != nil {
		return mutator.PolicyOutcome{Policy: k.Object, Reason: mutator.ApplyFailed, Message: err.Error() + without(k.Object)}
	}
	if why := notIncluded(in, k.Object); why != "" {
		return mutator.PolicyOutcome{Policy: k.Object, Reason: mutator.ApplyFailed, Message: why}
	}
	reason, message := fared(in, k.Object, lost)
	return mutator.PolicyOutcome{Policy: k.Object, Reason: reason, Message: message}
}

// notIncluded returns why a policy cannot take effect because Envoy Gateway does not include what
// it selects, empty if it does.
func notIncluded(in *mutator.Input, o *policy.Object) string {
	switch {
	case selects(o, ofListenerKinds) && !in.Has(mutator.KindListener):
		return mutator.NotIncluded(mutator.KindListener) + without(o)
	case selects(o, ofClusters) && !in.Has(mutator.KindCluster):
		return mutator.NotIncluded(mutator.KindCluster) + without(o)
	}
	return ""
}

// fared returns the outcome of a valid policy. It reports patches that match nothing, unless that
// is expected. The edits report the policy's failures.
func fared(in *mutator.Input, o *policy.Object, lost losses) (mutator.Reason, string) {
	var patched, unmatched []string
	matches := 0
	for i, p := range content(o).Spec.Patches {
		n := in.Counted(countKey(o, i))
		matches += n
		patched = append(patched, fmt.Sprintf("%s %d", p.Select.Kind, n))
		if n == 0 && (p.Expect == nil || p.Expect.MinMatches == nil || *p.Expect.MinMatches > 0) {
			unmatched = append(unmatched, fmt.Sprintf("spec.patches[%d] matches no %s of the targets", i, p.Select.Kind))
		}
	}
	message := "messages patched: " + strings.Join(patched, ", ")
	switch {
	case lost.conflict.by != "":
		return mutator.Conflicted, lost.conflict.by + " has precedence and sets the same fields of some messages; messages matched: " + strings.Join(patched, ", ")
	case lost.overridden.by != "" && lost.overridden.messages == matches:
		return mutator.Overridden, lost.overridden.by + " has a more specific target and overrides this policy everywhere"
	case len(unmatched) > 0 && in.Counted(rejectedKey(o)) == 0:
		return mutator.MatchedNothing, strings.Join(unmatched, ", ") + "; " + message
	case lost.overridden.by != "":
		message += fmt.Sprintf("; of %d, %s has a more specific target and sets the same fields", lost.overridden.messages, lost.overridden.by)
	}
	return mutator.Programmed, message
}

// losses are a policy's losses: in conflicts, and to policies with more specific targets.
type losses struct{ conflict, overridden winner }

// winner is a policy that took precedence over another, the first by name if there are several, and
// the number of messages.
type winner struct {
	by       string
	messages int
}

func (w *winner) add(by string, messages int) {
	w.messages += messages
	if w.by == "" || by < w.by {
		w.by = by
	}
}

// lossesOf returns the losses of each policy that has any.
func lossesOf(in *mutator.Input) map[string]losses {
	all := map[string]losses{}
	for key, n := range in.Counts() {
		conflict, isConflict := strings.CutPrefix(key, conflictPrefix)
		overridden, isOverridden := strings.CutPrefix(key, overriddenPrefix)
		loser, by, _ := strings.Cut(conflict, "\x00")
		if isOverridden {
			loser, by, _ = strings.Cut(overridden, "\x00")
		}
		l := all[loser]
		switch {
		case isConflict:
			l.conflict.add(by, n)
		case isOverridden:
			l.overridden.add(by, n)
		default:
			continue
		}
		all[loser] = l
	}
	return all
}
