package buffer

import (
	"fmt"
	"iter"
	"slices"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// newReporter tells what became of each policy, by the routes that it reaches and that lead to a
// backend.
func newReporter() attach.Reporter {
	return attach.Reporter{Kind: gvk, OnFailure: mutator.Ignore, Targets: targets, Describe: describe, NoTarget: "no listener of any target has a route", Failure: failure}
}

// targets are the routes of each virtual host. Most have no policy of their own, and are counted
// at once.
func targets(in *mutator.Input) iter.Seq[attach.Target] {
	return func(yield func(attach.Target) bool) {
		for _, name := range in.Routes().Configurations() {
			for _, h := range in.Routes().Hosts(name) {
				for _, t := range targetsOf(in, h) {
					if !yield(t) {
						return
					}
				}
			}
		}
	}
}

func targetsOf(in *mutator.Input, h *xds.VirtualHostIndex) (all []attach.Target) {
	of, others, marked := attached(in, h.Listeners()...), 0, h.MetadataEntries()
	for _, marks := range marked {
		found := slices.Clone(of)
		for _, m := range marks {
			found = append(found, mutator.DecodeAttached(in, kind(), m)...)
		}
		if len(found) == len(of) {
			others++
			continue
		}
		policy.Sort(found)
		all = append(all, attach.Target{Attached: found, Resources: 1})
	}
	if others > 0 || len(marked) == 0 {
		all = append(all, attach.Target{Attached: of, Resources: others})
	}
	return all
}

// failure is why a policy cannot be applied for what did not come with the translation.
func failure(in *mutator.Input, o *policy.Object, r mutator.Reason) string {
	switch hasListeners := in.Has(mutator.KindListener); {
	case r == mutator.Programmed && !hasListeners && buffers(&policy.Attachment{Object: o}):
		what := "requests are not held"
		if denies(o) {
			what = "requests are rejected"
		}
		return mutator.NotIncluded(mutator.KindListener) + ", so that the filter is missing; " + what
	case r == mutator.TargetNotFound && hasListeners && denies(o) && len(in.Routes().Configurations()) == 0:
		return errNoRoutes.Error() + "; requests to all listeners are rejected"
	default:
		return ""
	}
}

func describe(o *policy.Object, t *attach.Tally) string {
	s, text := &policy.As[v1alpha1.BufferPolicy](o).Spec, "requests are not buffered"
	switch {
	case s.Disabled:
	case s.Mode == v1alpha1.BufferLimitOnly:
		text = fmt.Sprintf("filters hold up to %s of a request, or as much as the connection may if that is more", s.MaxRequestBytes)
	default:
		text = fmt.Sprintf("requests of up to %s are held until they are complete", s.MaxRequestBytes)
	}
	return fmt.Sprintf("%s; routes: %d", text, t.Resources) + t.Elsewhere(o)
}
