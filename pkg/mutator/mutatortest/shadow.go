package mutatortest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// shadowChangesNothing sets the effect Shadow on all custom resources. The response must be the
// same as without them, and their outcomes must contain the reasons that they have with the effect
// Enforce.
func shadowChangesNothing(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	shadowed, ok := withShadow(call)
	if !ok {
		return nil
	}
	bare := clone(call)
	bare.Objects = nil
	want, err := answer(ctx, newFeature(), bare)
	if err != nil {
		return err
	}
	got, err := answer(ctx, newFeature(), shadowed)
	if err == nil {
		err = clearShadow(got)
	}
	if err == nil {
		err = same(want.Resources, got.Resources)
	}
	if err != nil {
		return err
	}
	return sameOutcomes(res.Policies, got.Policies, call)
}

// withShadow returns a call with the effect Shadow on all custom resources. ok is false if none of
// them can have it.
func withShadow(call *engine.Call) (out *engine.Call, ok bool) {
	out = clone(call)
	for i, raw := range call.Objects {
		var object map[string]any
		if json.Unmarshal(raw, &object) != nil {
			return nil, false
		}
		spec, ok := object["spec"].(map[string]any)
		if !ok {
			return nil, false
		}
		spec["effect"] = "Shadow"
		changed, err := json.Marshal(object)
		if err != nil {
			return nil, false
		}
		out.Objects[i] = changed
	}
	return out, len(out.Objects) > 0
}

// clearShadow removes the shadow entry of the Route hook from a route.
func clearShadow(res *engine.Response) error {
	for i, list := range res.Resources {
		if list.Kind != mutator.KindRoute {
			continue
		}
		for j, raw := range list.Encoded {
			r := &routev3.Route{}
			if err := proto.Unmarshal(raw, r); err != nil {
				return err
			}
			if xds.ShadowEntry(r.GetMetadata()) == "" {
				continue
			}
			own := r.GetMetadata().GetFilterMetadata()[xds.MetadataNamespace].GetFields()
			if delete(own, xds.ShadowKey); len(own) == 0 {
				r.Metadata = xds.ClearMetadataEntries(r.GetMetadata())
			}
			cleared, err := proto.MarshalOptions{Deterministic: true}.Marshal(r)
			if err != nil {
				return err
			}
			res.Resources[i].Encoded[j] = cleared
		}
	}
	return nil
}

// notOffered is part of the error of a custom resource with a spec that has no field for an effect.
const notOffered = `unknown field "spec.effect"`

// sameOutcomes requires that the outcomes of the call's custom resources contain the reasons that
// they have with the effect Enforce.
func sameOutcomes(enforced, shadow []mutator.PolicyOutcome, call *engine.Call) error {
	would := map[string]mutator.PolicyOutcome{}
	for _, p := range shadow {
		would[p.Policy.String()] = p
	}
	for _, p := range enforced {
		came, err := isOf(call, p)
		if err != nil {
			return err
		}
		got := would[p.Policy.String()]
		switch {
		case !came || strings.Contains(got.Message, notOffered):
		case got.Reason != mutator.Shadow:
			return fmt.Errorf("%s: the outcome is %q, not %s", p.Policy, got.Reason, mutator.Shadow)
		case got.Enforced != p.Reason:
			return fmt.Errorf("%s: the outcome would be %s, and is %s with the effect Enforce: %s", p.Policy, got.Enforced, p.Reason, got.Message)
		}
	}
	return nil
}

// isOf reports whether an outcome belongs to a custom resource of the call: others are in the
// metadata of routes.
func isOf(call *engine.Call, p mutator.PolicyOutcome) (bool, error) {
	for _, raw := range call.Objects {
		var object struct {
			Kind     string
			Metadata struct{ Namespace, Name string }
		}
		if err := json.Unmarshal(raw, &object); err != nil {
			return false, err
		}
		if object.Kind+" "+object.Metadata.Namespace+"/"+object.Metadata.Name == p.Policy.String() {
			return true, nil
		}
	}
	return false, nil
}
