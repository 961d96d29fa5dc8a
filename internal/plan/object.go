package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/egraft/egraft/internal/objectfile"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// raw returns the object as the API server would store it: an existing one keeps its identity,
// creation time and status.
func raw(o *objectfile.Object, existing []byte, now time.Time) ([]byte, error) {
	out := map[string]any{}
	if err := json.Unmarshal(o.JSON, &out); err != nil {
		return nil, err
	}
	metadata, ok := out["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
	}
	var live struct {
		Metadata map[string]any `json:"metadata"`
		Status   map[string]any `json:"status"`
	}
	delete(out, "status")
	if existing != nil && json.Unmarshal(existing, &live) == nil {
		for _, k := range []string{"uid", "creationTimestamp", "generation"} {
			if v, there := live.Metadata[k]; there {
				metadata[k] = v
			}
		}
		if live.Status != nil {
			out["status"] = live.Status
		}
	} else {
		metadata["creationTimestamp"] = now.UTC().Format(time.RFC3339)
	}
	metadata["namespace"] = o.Metadata.Namespace
	out["metadata"] = metadata
	return json.Marshal(out)
}

// nameOf returns "Kind namespace/name" of a custom resource in a call, empty if it cannot be read.
func nameOf(raw []byte) string {
	var o objectfile.Object
	if json.Unmarshal(raw, &o) != nil {
		return ""
	}
	return o.String()
}

// existing returns the custom resources of a recording, the latest version of each.
func existing(r *recording.Recording) map[string][]byte {
	out := map[string][]byte{}
	for _, c := range r.Calls {
		for _, raw := range c.Objects {
			if name := nameOf(raw); name != "" {
				out[name] = raw
			}
		}
	}
	return out
}

// reads reports whether a feature reads custom resources of the object's kind.
func reads(f *mutator.Feature, o *objectfile.Object) bool {
	return slices.ContainsFunc(slices.Concat(f.Policies, f.Filters, f.Backends), func(k policy.Kind) bool { return k.GroupVersionKind == o.GVK() })
}

// isPolicy reports whether an object is attached by its targets, not referenced by routes.
func (p *Planner) isPolicy(o *objectfile.Object) bool {
	return slices.ContainsFunc(p.Features, func(f mutator.Feature) bool {
		return slices.ContainsFunc(f.Policies, func(k policy.Kind) bool { return k.GroupVersionKind == o.GVK() })
	})
}

// isIn reports whether Envoy Gateway sends objects of the kind to a hook.
func (p *Planner) isIn(h mutator.Hook, o *objectfile.Object) bool {
	return slices.ContainsFunc(p.Features, func(f mutator.Feature) bool {
		return slices.ContainsFunc(f.ObjectsIn(h), func(k policy.Kind) bool { return k.GroupVersionKind == o.GVK() })
	})
}

// isOnGateway reports whether a target is one of the Gateways, given as comma-separated
// namespace/name, or a GatewayClass: a recording does not contain the GatewayClass of its Gateways.
func isOnGateway(o *objectfile.Object, gateways string) bool {
	return slices.ContainsFunc(o.Targets(), func(t objectfile.Target) bool {
		return t.Kind == xds.KindGatewayClass || t.Kind == xds.KindGateway && slices.Contains(strings.Split(gateways, ","), o.Metadata.Namespace+"/"+t.Name)
	})
}
