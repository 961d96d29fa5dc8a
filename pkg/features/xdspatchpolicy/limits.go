package xdspatchpolicy

import (
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// maxPolicies limits the policies of a namespace that take effect on the Gateways of one Envoy, and
// on one route. egraft tries each policy on each message: without the limit, a namespace with a
// thousand small policies could take minutes of each translation.
const maxPolicies = 32

type excessKey struct{}

// excess returns the policies of the translation that exceed the limit of their namespace, each
// with an error. Those with precedence are within the limit; invalid policies and those without a
// target here do not count.
func excess(in *mutator.Input) map[policy.ID]error {
	return mutator.ComputeOnce(in, excessKey{}, func(in *mutator.Input) map[policy.ID]error {
		out, within := map[policy.ID]error{}, map[string]int{}
		targets := withTarget(in)
		for _, o := range in.Objects.Of(gvk) {
			switch {
			case o.Err != nil || !targets[o.ID()]:
			case within[o.Namespace] >= maxPolicies:
				out[o.ID()] = fmt.Errorf("%d policies of namespace %s with precedence are attached to Gateways of the same Envoy, which is the limit: combine their patches in fewer policies", maxPolicies, o.Namespace)
			default:
				within[o.Namespace]++
			}
		}
		return out
	})
}

// withTarget returns the policies that are attached to a listener with routes.
func withTarget(in *mutator.Input) map[policy.ID]bool {
	out := map[policy.ID]bool{}
	seen := map[xds.Reference]bool{}
	for _, name := range in.Routes().Configurations() {
		for _, l := range in.Routes().Configuration(name).Listeners() {
			if seen[l] {
				continue
			}
			seen[l] = true
			for _, c := range mutator.Attached(in, gvk, []xds.Reference{l}) {
				out[c.ID()] = true
			}
		}
	}
	return out
}

// fitting returns the policies that fit into the metadata of a route, those with precedence, and
// failures for the others: their number and size are limited.
func fitting(in *mutator.Input, on []policy.Attachment) (kept []policy.Attachment, dropped failed, err error) {
	kept = on[:min(len(on), maxPolicies)]
	for ; len(kept) > 0; kept = kept[:len(kept)-1] {
		if _, err = entryOf(in, kept); err == nil {
			break
		}
	}
	if err != nil {
		return nil, nil, err // even the first policy is too large, or cannot be encoded
	}
	for _, c := range on[len(kept):] {
		dropped = append(dropped, failureOf(c.Object, fmt.Errorf("%d policies with precedence are in effect on the same route: it can carry at most %d, with %d bytes when compressed", len(kept), maxPolicies, mutator.MaxMetadataSize)))
	}
	return kept, dropped, nil
}

func entryOf(in *mutator.Input, on []policy.Attachment) (xds.MetadataEntry, error) {
	groups := make([][]policy.Attachment, len(on))
	for i, c := range on {
		groups[i] = []policy.Attachment{c}
	}
	return mutator.EncodeAttachedGroups(in, gvk, groups)
}

// deniesAny reports whether traffic must be rejected without one of the policies.
func deniesAny(on []policy.Attachment) bool {
	return slices.ContainsFunc(on, func(c policy.Attachment) bool { return denies(c.Object) })
}
