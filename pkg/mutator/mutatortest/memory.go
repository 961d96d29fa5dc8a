package mutatortest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// cacheBytes is enough for all variants of a case.
const cacheBytes = 64 << 20

// sameFromMemory runs calls that differ in their policies, host names and routes with one engine
// that has a cache, and requires the results of engines without one. If a cache key leaves out an
// input of the result, a call gets the result of another call.
func sameFromMemory(ctx context.Context, call *engine.Call, _ *engine.Response, newFeature func() mutator.Feature) error {
	calls, err := variants(call)
	if err != nil {
		return err
	}
	return rememberedAlike(ctx, calls, newFeature)
}

func rememberedAlike(ctx context.Context, calls []*engine.Call, newFeature func() mutator.Feature) error {
	remembering, err := engine.New([]mutator.Feature{newFeature()}, engine.WithCache(cacheBytes))
	if err != nil {
		return err
	}
	for range 2 { // the second time all of them are cached
		for i, call := range calls {
			want, err := answer(ctx, newFeature(), call)
			if err != nil {
				return err
			}
			got, err := remembering.Run(ctx, call)
			if err != nil {
				return err
			}
			if err := alike(want, got); err != nil {
				return fmt.Errorf("variant %d from memory: %w", i, err)
			}
		}
	}
	return nil
}

// alike compares complete results.
func alike(want, got *engine.Response) error {
	if err := same(want.Resources, got.Resources); err != nil {
		return err
	}
	w, err := Render(want)
	if err != nil {
		return err
	}
	g, err := Render(got)
	if err != nil {
		return err
	}
	if !bytes.Equal(w, g) {
		return fmt.Errorf("result\n%s\nbecame\n%s", w, g)
	}
	return nil
}

// variants returns the call and others with the same resources: with policies in another order,
// without each of them, with each under another name or newer, with an unrelated one, for another
// host name, without routes, and with the routes of another listener.
func variants(call *engine.Call) (out []*engine.Call, err error) {
	out = append(out, call)
	with := func(edit func(*engine.Call)) {
		c := clone(call)
		edit(c)
		out = append(out, c)
	}
	with(func(c *engine.Call) { slices.Reverse(c.Objects) })
	with(func(c *engine.Call) { c.Hostnames = append(c.Hostnames, "another.example.com") })
	with(func(c *engine.Call) {
		c.Resources = slices.DeleteFunc(c.Resources, func(r engine.Resources) bool { return r.Kind == mutator.KindRouteConfiguration })
	})
	with(func(c *engine.Call) { err = forEachConfig(c, moveToAnotherListener) })
	for i, object := range call.Objects {
		with(func(c *engine.Call) { c.Objects = slices.Delete(c.Objects, i, i+1) })
		for field, value := range map[string]any{"name": "another", "creationTimestamp": "2100-01-01T00:00:00Z"} {
			if edited, ok := withMetadata(object, field, value); ok {
				with(func(c *engine.Call) { c.Objects[i] = edited })
			}
		}
		if unrelated, ok := withMetadata(object, "namespace", "unrelated"); ok {
			with(func(c *engine.Call) { c.Objects = append(c.Objects, unrelated) })
		}
	}
	return out, err
}

// moveToAnotherListener changes the section names in the metadata of the virtual hosts.
func moveToAnotherListener(rc *routev3.RouteConfiguration) {
	for _, vh := range rc.GetVirtualHosts() {
		resources := vh.GetMetadata().GetFilterMetadata()[xds.GatewayMetadataNamespace].GetFields()["resources"]
		for _, r := range resources.GetListValue().GetValues() {
			if f := r.GetStructValue().GetFields(); f != nil {
				f["sectionName"] = structpb.NewStringValue("another")
			}
		}
	}
}

// withMetadata sets a field of an object's metadata. Bytes that are not an object have no such
// variant.
func withMetadata(object []byte, field string, value any) ([]byte, bool) {
	var o map[string]any
	if json.Unmarshal(object, &o) != nil {
		return nil, false
	}
	metadata, ok := o["metadata"].(map[string]any)
	if !ok {
		return nil, false
	}
	metadata[field] = value
	edited, err := json.Marshal(o)
	return edited, err == nil
}
