package originaldestination

import (
	"fmt"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// reporter reports the outcomes of backends.
type reporter struct{}

// Report reports only errors in the Route and Cluster hooks, which receive the backends of one
// rule. The following translation shows whether routes lead to them.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook == mutator.HookTranslation {
		past := pastLimit(in)
		for _, o := range inUse(in) {
			reason, message := mutator.Programmed, describe(&policy.As[v1alpha1.OriginalDestinationBackend](o).Spec)
			switch {
			case !in.Has(mutator.KindListener):
				reason, message = mutator.ApplyFailed, errNoListeners.Error()+"; requests are rejected"
			case past[o.String()]:
				reason, message = mutator.ApplyFailed, tooMany
			}
			out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
		}
		return out
	}
	objects := in.Objects.Of(gvk)
	for _, o := range objects {
		reason, message := mutator.Pending, ""
		switch {
		case o.Err != nil:
			reason, message = mutator.Invalid, fmt.Sprintf("%v; requests of its routes are rejected", o.Err)
		case len(objects) > 1:
			reason, message = mutator.Conflicted, several(objects).Error()+"; requests of the rule are rejected"
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

// tooMany is the message for a backend over the limit.
var tooMany = fmt.Sprintf("its trusted filter exceeds the limit: backends of one listener can name at most %d filters, and backends of one namespace %d; "+
	"older backends take precedence; requests are rejected; name one of their filters, or use metadata for the destination", maxTrusted, maxTrustedNamespace)

// pastLimit returns the backends whose trusted filter exceeds the limit of a connection manager.
func pastLimit(in *mutator.Input) map[string]bool {
	out := map[string]bool{}
	for _, name := range in.Routes().Configurations() {
		_, denied := trustedIn(in, name)
		for _, o := range denied {
			out[o.String()] = true
		}
	}
	return out
}

// inUse returns the backends that the routes of a translation lead to, each once.
func inUse(in *mutator.Input) (out []*policy.Object) {
	seen := map[string]bool{}
	for _, name := range in.Routes().Configurations() {
		for _, o := range backendsOf(in, in.Routes().Configuration(name)) {
			if !seen[o.String()] {
				seen[o.String()] = true
				out = append(out, o)
			}
		}
	}
	return out
}

// backendsOf returns the valid backends that the Route hook added to routes as metadata.
func backendsOf(in *mutator.Input, origin *xds.Referrers) (out []*policy.Object) {
	if origin == nil {
		return nil
	}
	for _, m := range origin.MetadataEntries() {
		for _, c := range mutator.DecodeAttached(in, kind(), m) {
			if policy.As[v1alpha1.OriginalDestinationBackend](c.Object) != nil {
				out = append(out, c.Object)
			}
		}
	}
	return out
}

// lost lists settings of other policies that the cluster does not support.
const lost = "retries, hedging, load balancing, health checks, outlier detection and session persistence of other policies have no effect on it"

func describe(s *v1alpha1.OriginalDestinationBackendSpec) string {
	from := ""
	if h := s.Source.Header; h != nil {
		from = fmt.Sprintf("header %s, set by %s", h.Name, h.Filter)
	} else {
		from = fmt.Sprintf("metadata %s:%s", s.Source.Metadata.Namespace, s.Source.Metadata.Key)
	}
	return fmt.Sprintf("Envoy connects to the destination in %s, if it is in allowedCIDRs; %s", from, lost)
}
