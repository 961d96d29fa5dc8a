package explain

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// object holds the fields of a custom resource that are read here, leniently: it may be invalid.
type object struct {
	gvk             schema.GroupVersionKind
	namespace, name string
	generation      int64
	created         time.Time
	targets         []policy.Target
	selectors       []string // the kinds they select
}

// readObject reads a custom resource, nil if raw is not one.
func readObject(raw []byte) *object {
	var o struct {
		APIVersion, Kind string
		Metadata         struct {
			Namespace, Name string
			Generation      int64
			// CreationTimestamp is parsed separately: an invalid one must not hide the other fields.
			CreationTimestamp any
		}
		Spec struct {
			TargetRef       *policy.Target
			TargetRefs      []policy.Target
			TargetSelectors []struct{ Kind string }
		}
	}
	var mistyped *json.UnmarshalTypeError // the other fields are used all the same
	if err := json.Unmarshal(raw, &o); err != nil && !errors.As(err, &mistyped) || o.Kind == "" || o.Metadata.Name == "" {
		return nil
	}
	out := &object{
		gvk: schema.FromAPIVersionAndKind(o.APIVersion, o.Kind), namespace: o.Metadata.Namespace, name: o.Metadata.Name,
		generation: o.Metadata.Generation, targets: o.Spec.TargetRefs,
	}
	if text, ok := o.Metadata.CreationTimestamp.(string); ok {
		out.created, _ = time.Parse(time.RFC3339, text) // the zero time if invalid
	}
	if o.Spec.TargetRef != nil {
		out.targets = append([]policy.Target{*o.Spec.TargetRef}, out.targets...)
	}
	for _, s := range o.Spec.TargetSelectors {
		out.selectors = append(out.selectors, s.Kind)
	}
	return out
}

// targetsRoutesOnly reports whether all targets are routes.
func (o *object) targetsRoutesOnly() bool {
	kinds := slices.Clone(o.selectors)
	for _, t := range o.targets {
		kinds = append(kinds, t.Kind)
	}
	return len(kinds) > 0 && !slices.ContainsFunc(kinds, func(kind string) bool { return kind != xds.KindHTTPRoute && kind != xds.KindGRPCRoute })
}

// hasTarget reports whether the object has a target.
func (o *object) hasTarget(kind, namespace, name string) bool {
	if o.namespace != namespace {
		return false
	}
	for _, t := range o.targets {
		if t.Group == policy.GatewayGroup && t.Kind == kind && t.Name == name {
			return true
		}
	}
	return false
}
