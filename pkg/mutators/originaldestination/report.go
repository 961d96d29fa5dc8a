package originaldestination

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// reporter tells what became of the backends of a cluster. The Route hook has the same
// ones, and the Translation hook none.
type reporter struct{}

// Report tells what became of each backend.
func (reporter) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	if in.Hook != mutator.HookCluster {
		return nil
	}
	objects := in.Objects.Of(gvk)
	for _, o := range objects {
		reason, message := mutator.Invalid, ""
		switch b := policy.Typed[v1alpha1.OriginalDestinationBackend](o); {
		case o.Err != nil:
			message = fmt.Sprintf("%v; requests of its routes are refused", o.Err)
		case len(objects) > 1:
			reason, message = mutator.Conflicted, several(objects).Error()+"; requests of the rule are refused"
		default:
			reason, message = mutator.Programmed, describe(&b.Spec)
		}
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: reason, Message: message})
	}
	return out
}

func describe(s *v1alpha1.OriginalDestinationBackendSpec) string {
	var networks []string
	for _, c := range s.AllowedCIDRs {
		networks = append(networks, string(c))
	}
	from := ""
	if h := s.Source.Header; h != nil {
		from = fmt.Sprintf("header %s, set by %s", h.Name, h.Filter)
	} else {
		from = fmt.Sprintf("metadata %s:%s", s.Source.Metadata.Namespace, s.Source.Metadata.Key)
	}
	return fmt.Sprintf("Envoy connects to the destination in %s, if it is in %s", from, strings.Join(networks, ", "))
}
