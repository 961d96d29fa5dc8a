package backendmtls

import (
	"fmt"
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
	tallies := map[string]*tally{}
	var objects []*policy.Object
	count := func(o *policy.Object) *tally {
		if tallies[o.String()] == nil {
			tallies[o.String()] = &tally{}
			objects = append(objects, o)
		}
		return tallies[o.String()]
	}
	for _, o := range in.Objects.Of(gvk) {
		count(o)
	}
	for _, g := range x.groups {
		for _, w := range g.ways {
			for _, c := range w.found { // those of routes
				count(c.Object)
			}
		}
	}
	for _, g := range x.byLast() { // of several that beat a policy the last is named
		g.tally(count)
	}
	var out []mutator.PolicyOutcome
	for _, o := range objects {
		if past := x.past[o.String()]; past != nil {
			o = past
		}
		reason, message := outcome(o, tallies[o.String()])
		switch {
		case x.anywhere != nil && in.Has(mutator.KindCluster) && reason == mutator.TargetNotFound:
			reason, message = mutator.Failed, errNoRoutes.Error()+"; requests to all backends are refused"
		case reason == mutator.Programmed && !in.Has(mutator.KindCluster):
			reason, message = mutator.Failed, mutator.NotIncluded(mutator.KindCluster)+"; requests of its routes are refused"
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

// tally counts how policies fare on the clusters of a group.
func (g *reached) tally(count func(*policy.Object) *tally) {
	won := map[*policy.Object]bool{}
	for _, w := range g.ways {
		for rank, c := range w.found {
			t := count(c.Object)
			switch winner := w.found[0]; {
			case rank == 0:
				if !won[c.Object] {
					won[c.Object] = true
					t.won += g.clusters
				}
			case c.Specificity == winner.Specificity:
				t.conflict = winner.Object
			default:
				t.overridden = winner.Object
			}
		}
	}
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

func outcome(o *policy.Object, t *tally) (mutator.Reason, string) {
	switch {
	case o.Err != nil:
		return mutator.Invalid, invalid(o)
	case t.won > 0:
		p := policy.Typed[v1alpha1.BackendMTLSPolicy](o)
		return mutator.Programmed, describe(o, &p.Spec, t)
	case t.conflict != nil:
		return mutator.Conflicted, t.conflict.Precedence(o) + " and has the same target"
	case t.overridden != nil:
		return mutator.Overridden, fmt.Sprintf("%s is attached more closely to all that this policy reaches", t.overridden)
	default:
		return mutator.TargetNotFound, "no route of any target leads to a cluster, or Envoy Gateway does not include routes in the Translation hook"
	}
}

func describe(o *policy.Object, s *v1alpha1.BackendMTLSPolicySpec, t *tally) string {
	peers := spiffe.Describe(matchers(s))
	text := fmt.Sprintf("Envoy presents %s to %s; agent %s, plaintext backends: %s, clusters: %d",
		fieldsOf(s).Source().ID(), strings.Join(peers, ", "), s.Agent.SocketPath, s.PlaintextBackends, t.won)
	if s.PlaintextBackends == v1alpha1.PlaintextUpgrade {
		text += "; active health checks use TLS, too, on every port"
	}
	if t.conflict != nil {
		text += "; elsewhere " + t.conflict.Precedence(o)
	}
	return text
}
