package frontendmtls

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

// newReporter reports the outcome of each policy, by the listeners that it is attached to.
func newReporter() attach.Reporter {
	return attach.Reporter{
		Kind:      gvk,
		OnFailure: mutator.Deny,
		Targets:   targets,
		Describe:  describe,
		NoTarget:  "no HTTP or gRPC route is attached to any targeted listener",
		Failure:   failure,
		Denied:    func(in *mutator.Input) map[string]*policy.Object { return indexOf(in).Past },
	}
}

// targets yields the listeners of Gateways, as namespace/name/section.
func targets(in *mutator.Input) iter.Seq[attach.Target] {
	return func(yield func(attach.Target) bool) {
		for _, l := range indexOf(in).All {
			t := attach.Target{Attached: l.Attached, Resources: 1, Name: l.Namespace + "/" + l.Name + "/" + l.SectionName}
			if !yield(t) {
				return
			}
		}
	}
}

// failure explains why a policy cannot be applied: the translation does not include what it needs.
func failure(in *mutator.Input, _ *policy.Object, r mutator.Reason) string {
	switch hasListeners := in.Has(mutator.KindListener); {
	case r == mutator.Programmed && !hasListeners:
		return mutator.NotIncluded(mutator.KindListener) + "; requests to its targets are rejected"
	case r == mutator.TargetNotFound && hasListeners && len(in.Routes().Configurations()) == 0:
		return mutator.NotIncluded(mutator.KindRouteConfiguration) + "; requests to all listeners are rejected"
	default:
		return ""
	}
}

func describe(o *policy.Object, t *attach.Tally) string {
	s, clients := &policy.As[v1alpha1.FrontendMTLSPolicy](o).Spec, "does not request client certificates"
	if s.ClientCertificates != v1alpha1.ClientCertificatesDisabled {
		accepted := strings.Join(spiffe.Describe(spiffe.Matchers(s.Clients, s.TrustBundles)), ", ")
		clients = fmt.Sprintf("accepts %s (%s)", accepted, s.ClientCertificates)
	}
	if s.ClientCertificates == v1alpha1.ClientCertificatesOptional {
		clients += " and clients without a certificate"
	}
	text := fmt.Sprintf("Envoy presents %s and %s; agent %s, plaintext listeners: %s, X-Forwarded-Client-Cert: %s, listeners: %s",
		fieldsOf(s).Source().ID(), clients, s.Agent.SocketPath, s.PlaintextListeners, s.XForwardedClientCert.Mode, strings.Join(t.Names, ", "))
	if s.ClientCertificates == v1alpha1.ClientCertificatesRequired {
		text += "; HTTP/3 is rejected"
	}
	return text + t.Elsewhere(o)
}
