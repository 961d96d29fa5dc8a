package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// errMissing is the error for features in a call without its resource. Envoy Gateway always sends
// one, but it passes the response of one extension server to the next, even if empty, and keeps its
// own resource if the last response is empty:
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/extension/registry/composite_hook_client.go
var errMissing = errors.New("the call has no resource: an extension server before egraft in extensionManagers returned nothing; it must return what it received")

// missing adds an outcome for each feature that would apply to a call without its resource. With an
// empty response Envoy Gateway would keep its resource without their edits, so the call fails
// unless the failure policy is Ignore.
func (e *Engine) missing(in *mutator.Input, call *Call, res *Response) error {
	if in.Hook == mutator.HookTranslation {
		res.Warnings = append(res.Warnings, e.missingClusters(in, call)...)
		return nil
	}
	for _, list := range call.Resources {
		if len(list.Encoded) > 0 || e.chains[in.Hook][list.Kind] == nil {
			continue
		}
		for i := range e.features {
			f := &e.features[i]
			if !f.Uses(in.Hook) || !isFor(f, in.Objects) {
				continue
			}
			outcome := &Outcome{Feature: f.Name, Kind: list.Kind, Result: CallFailed, Err: errMissing}
			if f.FailurePolicy == mutator.Ignore {
				outcome.Result = Ignored
			}
			res.add(outcome)
			if outcome.Result == CallFailed {
				return fmt.Errorf("%s hook: feature %s: %w", in.Hook, f.Name, errMissing)
			}
		}
	}
	return nil
}

// isFor reports whether the custom resources of a call concern a feature. Every call concerns a
// feature that reads none.
func isFor(f *mutator.Feature, objects *policy.Set) bool {
	kinds := slices.Concat(f.Policies, f.Filters, f.Backends)
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(k policy.Kind) bool {
		return len(objects.Of(k.GroupVersionKind)) > 0
	})
}

// missingClusters warns about a translation without the clusters that its routes name.
func (e *Engine) missingClusters(in *mutator.Input, call *Call) []error {
	if e.chains[in.Hook][mutator.KindCluster] == nil {
		return nil
	}
	for _, list := range call.Resources {
		if list.Kind == mutator.KindCluster && len(list.Encoded) > 0 {
			return nil
		}
	}
	if len(in.Routes().Clusters()) == 0 {
		return nil
	}
	return []error{errors.New("the translation has routes and no clusters: an extension server before egraft in extensionManagers responded without them, or Envoy Gateway's configuration does not include them")}
}
