package backendmtls

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// reporter tells what became of each policy of a translation.
type reporter struct{}

// tally is how a policy fared on the clusters that it reaches.
type tally struct {
	won        int
	conflict   *policy.Object // an older one with as close a target won
	overridden *policy.Object // one with a closer target won
}

// Report tells what became of each policy. In the Route hook that is only which ones are
// wrong: the same policy comes with every rule that it targets, and the translation that
// follows knows the whole.
func (reporter) Report(in *mutator.Input) []mutator.PolicyOutcome {
	objects := in.Objects.Of(gvk)
	var out []mutator.PolicyOutcome
	if in.Hook == mutator.HookRoute {
		for _, o := range objects {
			if o.Err != nil {
				out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: invalid(o)})
			}
		}
		return out
	}
	tallies := map[*policy.Object]*tally{}
	for _, o := range objects {
		tallies[o] = &tally{}
	}
	for _, name := range in.Reach().Clusters() {
		found := candidates(in, name, nil)
		for rank, c := range found {
			if tallies[c.Object] == nil { // of a route
				tallies[c.Object] = &tally{}
				objects = append(objects, c.Object)
			}
			tallies[c.Object].count(rank, c, found[0])
		}
	}
	for _, o := range objects {
		reason, message := outcome(o, tallies[o])
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

func invalid(o *policy.Object) string {
	return fmt.Sprintf("%v; requests to its targets are refused", o.Err)
}

func (t *tally) count(rank int, c, winner policy.Candidate) {
	switch {
	case rank == 0:
		t.won++
	case c.Specificity == winner.Specificity:
		t.conflict = winner.Object
	default:
		t.overridden = winner.Object
	}
}

func outcome(o *policy.Object, t *tally) (mutator.Reason, string) {
	switch {
	case o.Err != nil:
		return mutator.Invalid, invalid(o)
	case t.won > 0:
		p := policy.Typed[v1alpha1.BackendMTLSPolicy](o)
		return mutator.Programmed, describe(&p.Spec, t)
	case t.conflict != nil:
		return mutator.Conflicted, fmt.Sprintf("%s is older and has the same target", t.conflict)
	case t.overridden != nil:
		return mutator.Overridden, fmt.Sprintf("%s is attached more closely to all that this policy reaches", t.overridden)
	default:
		return mutator.TargetNotFound, "no route of any target leads to a cluster, or Envoy Gateway does not include routes in the Translation hook"
	}
}

func describe(s *v1alpha1.BackendMTLSPolicySpec, t *tally) string {
	var peers []string
	for _, m := range matchers(s) {
		switch m := m.GetMatcher(); {
		case m.GetExact() != "":
			peers = append(peers, m.GetExact())
		case m.GetPrefix() != "":
			peers = append(peers, m.GetPrefix()+"*")
		default:
			peers = append(peers, "~"+m.GetSafeRegex().GetRegex())
		}
	}
	text := fmt.Sprintf("Envoy presents %s to %s; agent %s, plaintext backends: %s, clusters: %d",
		clientID(s), strings.Join(peers, ", "), s.Agent.SocketPath, s.PlaintextBackends, t.won)
	if t.conflict != nil {
		text += fmt.Sprintf("; elsewhere %s is older", t.conflict)
	}
	return text
}
