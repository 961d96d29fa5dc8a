package mutatortest

import (
	"context"
	"encoding/json"
	"maps"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// asServed runs the call with custom resources as Envoy Gateway sends them: with metadata and
// status that the API server and Envoy Gateway write, which change while the meaning of a policy
// stays the same, and with fields there that are newer than the feature.
func asServed(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	served := clone(call)
	for i, raw := range served.Objects {
		var o map[string]any
		if json.Unmarshal(raw, &o) != nil {
			continue // not a custom resource
		}
		add(o, "metadata", map[string]any{
			"resourceVersion": "1", "annotations": map[string]any{"example.com/annotation": "x"}, "newer": true,
			"managedFields": []any{map[string]any{"manager": "kubectl", "operation": "Apply", "fieldsV1": map[string]any{"f:spec": map[string]any{}}}},
		})
		add(o, "status", map[string]any{"newer": true})
		var err error
		if served.Objects[i], err = json.Marshal(o); err != nil {
			return err
		}
	}
	return again(ctx, newFeature(), served, res.Resources)
}

// add adds members to an object in o, if o contains it.
func add(o map[string]any, name string, members map[string]any) {
	if o[name] == nil {
		o[name] = map[string]any{}
	}
	if to, ok := o[name].(map[string]any); ok {
		maps.Copy(to, members)
	}
}
