package mutatortest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// sent rejects a call that Envoy Gateway does not make when it is configured for the feature alone,
// as `egraft config envoy-gateway` prints it. Otherwise the case would pass next to features that
// need more, and the feature would not work alone. An error begins with a field of the call.
func sent(f *mutator.Feature, call *engine.Call) error {
	if !f.Uses(call.Hook) {
		return fmt.Errorf("hook: Envoy Gateway does not call %s for this feature: add it to Hooks, or remove the call", call.Hook)
	}
	if len(call.Hostnames) > 0 && call.Hook != mutator.HookRoute {
		return fmt.Errorf("hostnames: Envoy Gateway does not send any in the %s hook: remove them", call.Hook)
	}
	for _, list := range call.Resources {
		if !slices.Contains(call.Hook.Kinds(), list.Kind) {
			return fmt.Errorf("resources.%s: Envoy Gateway sends nothing but %v in the %s hook: remove them", list.Kind, call.Hook.Kinds(), call.Hook)
		}
		if !f.Receives(call.Hook, list.Kind) {
			return fmt.Errorf("resources.%s: %s, or remove them: Envoy Gateway does not send them to this feature", list.Kind, remedy(list.Kind))
		}
	}
	for i, o := range call.Objects {
		if err := sentObject(f, call.Hook, o); err != nil {
			return fmt.Errorf("objects[%d]: %w", i, err)
		}
	}
	return nil
}

// remedy returns the fields of a feature that include a kind of resource in the Translation hook.
func remedy(k mutator.Kind) string {
	switch k {
	case mutator.KindCluster:
		return "needs clusters: set Clusters, Additions or PrunesSecrets"
	case mutator.KindListener:
		return "needs listeners: set Listeners or PrunesSecrets"
	case mutator.KindSecret:
		return "needs secrets: set Secrets or PrunesSecrets"
	default:
		return "needs routes: set NeedsRoutes"
	}
}

func sentObject(f *mutator.Feature, h mutator.Hook, raw []byte) error {
	var o metav1.TypeMeta
	if err := json.Unmarshal(raw, &o); err != nil || o.Kind == "" || o.APIVersion == "" {
		return errors.New("has no apiVersion and kind")
	}
	is := func(k policy.Kind) bool { return k.GroupVersionKind == o.GroupVersionKind() }
	switch {
	case slices.ContainsFunc(f.ObjectsIn(h), is):
		return nil
	case slices.ContainsFunc(slices.Concat(f.Policies, f.Filters, f.Backends), is):
		return fmt.Errorf("Envoy Gateway does not send %s in the %s hook: policies come in Route, HTTPListener and Translation, filters in Route, backends in Route and Cluster", o.Kind, h)
	default:
		return fmt.Errorf("Envoy Gateway does not send %s %s to this feature: add the kind to Policies, Filters or Backends, or remove the object", o.APIVersion, o.Kind)
	}
}

// kept rejects resources that Envoy Gateway drops from a response, because it does not include the
// kind.
func kept(f *mutator.Feature, call *engine.Call, res *engine.Response) error {
	for _, list := range res.Resources[len(call.Resources):] {
		if len(list.Encoded) > 0 && !f.Receives(call.Hook, list.Kind) {
			return fmt.Errorf("Additions: Envoy Gateway drops resources of kind %s from the response, which it does not include: %s", list.Kind, remedy(list.Kind))
		}
	}
	return nil
}
