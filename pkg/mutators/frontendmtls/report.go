package frontendmtls

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

// tally is how a policy fared on the listeners that it is attached to.
type tally struct {
	won        []string       // namespace/name/section of Gateway listeners
	conflict   *policy.Object // an older one with as close a target won
	overridden *policy.Object // one with a closer target won
}

// Report tells what became of each policy.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookTranslation {
		return nil
	}
	x := indexOf(in)
	for _, o := range in.Objects.Of(gvk) {
		if past := x.past[o.String()]; past != nil {
			o = past
		}
		reason, message := outcome(o, x.tally(o))
		switch {
		case reason == mutator.Programmed && !in.Has(mutator.KindListener):
			reason, message = mutator.Failed, mutator.NotIncluded(mutator.KindListener)+"; requests to its targets are refused"
		case reason == mutator.TargetNotFound && in.Has(mutator.KindListener) && len(x.configurations) == 0:
			reason, message = mutator.Failed, mutator.NotIncluded(mutator.KindRouteConfiguration)+"; requests to all listeners are refused"
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

func (x *index) tally(o *policy.Object) (t tally) {
	for _, s := range x.sections {
		for rank, c := range s.found {
			switch winner := s.found[0]; {
			case c.String() != o.String():
			case rank == 0:
				t.won = append(t.won, s.listener.Namespace+"/"+s.listener.Name+"/"+s.listener.SectionName)
			case c.Specificity == winner.Specificity:
				t.conflict = winner.Object
			default:
				t.overridden = winner.Object
			}
		}
	}
	return t
}

func outcome(o *policy.Object, t tally) (mutator.Reason, string) {
	switch {
	case o.Err != nil:
		return mutator.Invalid, fmt.Sprintf("%v; requests to its targets are refused", o.Err)
	case t.won != nil:
		p := policy.Typed[v1alpha1.FrontendMTLSPolicy](o)
		return mutator.Programmed, describe(o, &p.Spec, t)
	case t.conflict != nil:
		return mutator.Conflicted, t.conflict.Precedence(o) + " and has the same target"
	case t.overridden != nil:
		return mutator.Overridden, fmt.Sprintf("%s is attached more closely to all that this policy reaches", t.overridden)
	default:
		return mutator.TargetNotFound, "no HTTP or gRPC route is attached to any targeted listener, or Envoy Gateway does not include routes in the Translation hook"
	}
}

func describe(o *policy.Object, s *v1alpha1.FrontendMTLSPolicySpec, t tally) string {
	clients := "asks clients for no certificate"
	if s.ClientCertificates != v1alpha1.ClientCertificatesDisabled {
		accepted := strings.Join(spiffe.Describe(spiffe.Matchers(s.Clients, s.TrustBundles)), ", ")
		clients = fmt.Sprintf("accepts %s (%s)", accepted, s.ClientCertificates)
	}
	if s.ClientCertificates == v1alpha1.ClientCertificatesOptional {
		clients += " and clients without a certificate"
	}
	text := fmt.Sprintf("Envoy presents %s and %s; agent %s, plaintext listeners: %s, X-Forwarded-Client-Cert: %s, listeners: %s",
		fieldsOf(s).Source().ID(), clients, s.Agent.SocketPath, s.PlaintextListeners, s.XForwardedClientCert.Mode, strings.Join(t.won, ", "))
	if s.ClientCertificates == v1alpha1.ClientCertificatesRequired {
		text += "; HTTP/3 is refused"
	}
	if t.conflict != nil {
		text += "; elsewhere " + t.conflict.Precedence(o)
	}
	return text
}
