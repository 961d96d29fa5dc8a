package waf

import (
	"fmt"
	"iter"
	"slices"

	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// attached returns the WAFs of the listeners or the route, and those that the Route hook stored in
// metadata, in order of precedence. WAFs of other gateways are left out.
func attached(in *mutator.Input, refs []xds.Reference, entries ...xds.MetadataEntry) []policy.Attachment {
	found := slices.Clone(mutator.Attached(in, gvk, refs))
	for _, e := range entries {
		found = append(found, mutator.DecodeAttached(in, kind(), e)...)
	}
	policy.Sort(found)
	return slices.DeleteFunc(found, func(a policy.Attachment) bool {
		w := policy.As[WAF](a.Object)
		return w != nil && !slices.Contains([]string{"", "Auto", "EnvoyGateway"}, w.Spec.Provider.Type)
	})
}

func effective(found []policy.Attachment) *policy.Object {
	if a := attach.Effective(found, mutator.Deny); a != nil {
		return a.Object
	}
	return nil
}

type inUseKey struct{}

// inUse returns the valid WAFs in effect, by route configuration.
func inUse(in *mutator.Input) map[string][]*policy.Object {
	return mutator.ComputeOnce(in, inUseKey{}, func(in *mutator.Input) map[string][]*policy.Object {
		out := map[string][]*policy.Object{}
		for _, configuration := range in.Routes().Configurations() {
			seen := map[string]bool{}
			for t := range targetsOf(in, configuration) {
				if o := effective(t.Attached); o != nil && o.Err == nil && !seen[o.String()] {
					seen[o.String()] = true
					out[configuration] = append(out[configuration], o)
				}
			}
		}
		return out
	})
}

// targetsOf returns the routes of a route configuration, each with its WAFs.
func targetsOf(in *mutator.Input, configuration string) iter.Seq[attach.Target] {
	return func(yield func(attach.Target) bool) {
		for _, h := range in.Routes().Hosts(configuration) {
			for _, entries := range h.MetadataEntries() {
				if !yield(attach.Target{Attached: attached(in, h.Listeners(), entries...), Resources: 1}) {
					return
				}
			}
		}
	}
}

func newReporter() attach.Reporter {
	return attach.Reporter{
		Kind: gvk, OnFailure: mutator.Deny, NoTarget: "no listener of any target has a route, or the provider is not EnvoyGateway",
		Targets: func(in *mutator.Input) iter.Seq[attach.Target] {
			return func(yield func(attach.Target) bool) {
				for _, c := range in.Routes().Configurations() {
					for t := range targetsOf(in, c) {
						if !yield(t) {
							return
						}
					}
				}
			}
		},
		Describe: func(o *policy.Object, t *attach.Tally) string {
			return fmt.Sprintf("requests of %d routes pass %s", t.Resources, filtersOf(o)[0].GetName()) + t.Elsewhere(o)
		},
		Failure: func(in *mutator.Input, _ *policy.Object, r mutator.Reason) string {
			if r == mutator.Programmed && !in.Has(mutator.KindListener) {
				return mutator.NotIncluded(mutator.KindListener) + ", so the filters are missing; requests are rejected"
			}
			return ""
		},
	}
}
