package backendmtls

import (
	"fmt"
	"iter"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

// newReporter tells what became of each policy, by the clusters that it reaches.
func newReporter() attach.Reporter {
	return attach.Reporter{
		Kind:      gvk,
		OnFailure: mutator.Deny,
		Targets:   targets,
		Describe:  describe,
		NoTarget:  "no route of any target leads to a cluster",
		Failure:   failure,
		Denied:    func(in *mutator.Input) map[string]*policy.Object { return indexOf(in).past },
	}
}

// targets are the groups of clusters. A policy that is in effect on several ways to them is so once.
func targets(in *mutator.Input) iter.Seq[attach.Target] {
	return func(yield func(attach.Target) bool) {
		x := indexOf(in)
		for _, w := range x.order { // policies are told of in the order of the configuration
			if !yield(attach.Target{Attached: w.found}) {
				return
			}
		}
		for _, g := range x.byLast() {
			counted := map[*policy.Object]bool{}
			for _, w := range g.ways {
				t := attach.Target{Attached: w.found}
				if o := w.winner(); o != nil && !counted[o] {
					counted[o], t.Resources = true, g.clusters
				}
				if !yield(t) {
					return
				}
			}
		}
	}
}

// failure is why a policy cannot be applied for what did not come with the translation.
func failure(in *mutator.Input, _ *policy.Object, r mutator.Reason) string {
	switch hasClusters := in.Has(mutator.KindCluster); {
	case r == mutator.Programmed && !hasClusters:
		return mutator.NotIncluded(mutator.KindCluster) + "; requests of its routes are refused"
	case r == mutator.TargetNotFound && hasClusters && indexOf(in).anywhere != nil:
		return errNoRoutes.Error() + "; requests to all backends are refused"
	default:
		return ""
	}
}

func describe(o *policy.Object, t *attach.Tally) string {
	s := &policy.As[v1alpha1.BackendMTLSPolicy](o).Spec
	text := fmt.Sprintf("Envoy presents %s to %s; agent %s, plaintext backends: %s, clusters: %d",
		fieldsOf(s).Source().ID(), strings.Join(spiffe.Describe(matchers(s)), ", "), s.Agent.SocketPath, s.PlaintextBackends, t.Resources)
	if s.PlaintextBackends == v1alpha1.PlaintextUpgrade {
		text += "; active health checks use TLS, too, on every port"
	}
	return text + t.Elsewhere(o)
}
