package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// errMissing is the reason for which a feature could not treat the resource of a call.
// Envoy Gateway always sends one, but hands on to the next of several extension servers what
// the one before answered, nothing included, and goes on with its own resource if the last one
// answers nothing:
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/extension/registry/composite_hook_client.go
var errMissing = errors.New("the call has no resource: an extension server before egraft in extensionManagers returned nothing; it must return what it received")

// missing tells of features that would have treated the resource of a call that has none.
// To answer nothing as well would have Envoy Gateway go on without what they do, so the call
// fails unless that is all right with them.
func (e *Engine) missing(in *mutator.Input, call *Call, res *Result) error {
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
			outcome := &Outcome{Feature: f.Name, Kind: list.Kind, Verdict: CallFailed, Err: errMissing}
			if f.FailurePolicy == mutator.Ignore {
				outcome.Verdict = Ignored
			}
			res.add(outcome)
			if outcome.Verdict == CallFailed {
				return fmt.Errorf("%s hook: feature %s: %w", in.Hook, f.Name, errMissing)
			}
		}
	}
	return nil
}

// isFor tells whether the objects of a call are for a feature, as they are for one that
// reads none.
func isFor(f *mutator.Feature, objects *policy.Set) bool {
	kinds := slices.Concat(f.Policies, f.Filters, f.Backends)
	return len(kinds) == 0 || slices.ContainsFunc(kinds, func(k policy.Kind) bool {
		return len(objects.Of(k.GroupVersionKind)) > 0
	})
}

// missingClusters warns of a translation without clusters that its routes lead to.
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
	return []error{errors.New("the translation has routes and no clusters: an extension server before egraft in extensionManagers answered without them, or Envoy Gateway is told not to include them")}
}
