package backendmtls

import (
	"fmt"
	"slices"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
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
	if in.Hook == mutator.HookRoute {
		return invalidOnes(in.Objects.Of(gvk))
	}
	x := indexOf(in)
	objects, tallies := slices.Clone(in.Objects.Of(gvk)), map[*policy.Object]*tally{}
	for _, o := range objects {
		tallies[o] = &tally{}
	}
	for _, g := range x.groups {
		for _, c := range g.found {
			if tallies[c.Object] == nil { // of a route
				tallies[c.Object] = &tally{}
				objects = append(objects, c.Object)
			}
		}
	}
	for _, g := range x.byLast() { // of several that beat a policy the last is named
		for rank, c := range g.found {
			tallies[c.Object].count(rank, c, g)
		}
	}
	var out []mutator.PolicyOutcome
	for _, o := range objects {
		reason, message := outcome(o, tallies[o])
		if reason == mutator.Programmed && !in.Has(mutator.KindCluster) {
			reason, message = mutator.Failed, mutator.NotIncluded(mutator.KindCluster)+"; requests of its routes are refused"
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

func invalidOnes(objects []*policy.Object) (out []mutator.PolicyOutcome) {
	for _, o := range objects {
		if o.Err != nil {
			out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Invalid, Message: invalid(o)})
		}
	}
	return out
}

func invalid(o *policy.Object) string {
	return fmt.Sprintf("%v; requests to its targets are refused", o.Err)
}

// count adds how the policy fares on the clusters of a group, in which it has the rank.
func (t *tally) count(rank int, c policy.Candidate, g *reached) {
	winner := g.found[0]
	switch {
	case rank == 0:
		t.won += g.clusters
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
	peers := spiffe.Describe(matchers(s))
	text := fmt.Sprintf("Envoy presents %s to %s; agent %s, plaintext backends: %s, clusters: %d",
		fieldsOf(s).Source().ID(), strings.Join(peers, ", "), s.Agent.SocketPath, s.PlaintextBackends, t.won)
	if t.conflict != nil {
		text += fmt.Sprintf("; elsewhere %s is older", t.conflict)
	}
	return text
}
