package mutatortest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// check is one requirement of the contract, for a case and its result.
type check struct {
	name string
	run  func(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error
	// remedy is how to fix a failure.
	remedy string
}

func checks() []check {
	return []check{
		{"reaches Envoy", reachesEnvoy, "Envoy Gateway drops resources from the response that it does not include in the call"},
		{"valid", valid, "the feature must return resources that Envoy accepts: set the field, or make the mutator fail"},
		{"same bytes on every run", repeatable, "the result must only depend on the input: keep no state, read no clock, sort map entries, and create Anys with xds.Any"},
		{"order of custom resources", shuffled, "the order of objects must not matter: use Input.Objects, which has the oldest first, and keep no state between objects"},
		{"custom resources as they are served", asServed, "do not read metadata and status that the API server or Envoy Gateway writes: cache keys do not cover them"},
		{"idempotent", idempotent, "running on its own result must change nothing: check what exists before you add to it"},
		{"input untouched", inputUntouched, "edit only the target, never anything in the Input"},
		{"parallel", parallel, "calls run in parallel: keep no state in the feature"},
		{"unwanted is untouched", unwantedUntouched, "a resource for which no mutator has a Plan must come back byte for byte"},
		{"nothing without policies", nothingWithoutPolicies, "a feature with Policies must change nothing if there are none: return a Plan only if there is one"},
		{"same from memory", sameFromMemory, fromMemory},
		{"shadow changes nothing", shadowChangesNothing, "the effect of a custom resource must only depend on Input.Objects, which excludes resources with the effect Shadow"},
	}
}

// fromMemory is how to fix a result that depends on the cache.
const fromMemory = "Plan.CacheKey must stand for all that the result depends on besides the resource; leave it nil if in doubt"

func reachesEnvoy(_ context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	f := newFeature()
	return kept(&f, call, res)
}

func valid(_ context.Context, _ *engine.Call, res *engine.Response, _ func() mutator.Feature) error {
	for _, list := range res.Resources {
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			if err == nil {
				err = m.ValidateAll()
			}
			if err != nil {
				return fmt.Errorf("%s: %w", list.Kind, err)
			}
		}
	}
	return nil
}

// again runs the call once more and requires the same bytes.
func again(ctx context.Context, f mutator.Feature, call *engine.Call, want []engine.Resources) error {
	res, err := answer(ctx, f, call)
	if err != nil {
		return err
	}
	return same(want, res.Resources)
}

func repeatable(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	f := newFeature()
	for range 20 { // the order of map iteration changes each time
		if err := again(ctx, f, call, res.Resources); err != nil {
			return err
		}
	}
	return nil
}

func shuffled(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	other := *call
	other.Objects = slices.Clone(call.Objects)
	slices.Reverse(other.Objects)
	for range len(call.Objects) {
		if err := again(ctx, newFeature(), &other, res.Resources); err != nil {
			return err
		}
		other.Objects = append(other.Objects[1:], other.Objects[0])
	}
	return nil
}

func idempotent(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	second := *call
	second.Resources = res.Resources
	return again(ctx, newFeature(), &second, res.Resources)
}

func inputUntouched(ctx context.Context, call *engine.Call, _ *engine.Response, newFeature func() mutator.Feature) error {
	before := clone(call)
	if _, err := answer(ctx, newFeature(), call); err != nil {
		return err
	}
	if !slices.EqualFunc(before.Objects, call.Objects, bytes.Equal) {
		return errors.New("the custom resources were changed")
	}
	return same(before.Resources, call.Resources)
}

func parallel(ctx context.Context, call *engine.Call, res *engine.Response, newFeature func() mutator.Feature) error {
	f := newFeature()
	g, ctx := errgroup.WithContext(ctx)
	for range 8 {
		g.Go(func() error { return again(ctx, f, call, res.Resources) })
	}
	return g.Wait()
}

// unwantedUntouched requires that every resource without an outcome is unmodified, byte for byte.
// Exceptions: the engine removes egraft's entries from route configurations, and the response does
// not contain pruned secrets.
func unwantedUntouched(_ context.Context, call *engine.Call, res *engine.Response, _ func() mutator.Feature) error {
	verdicts := map[string]engine.Result{}
	for _, o := range res.Outcomes {
		verdicts[string(o.Kind)+"/"+o.Name] = o.Result
	}
	for i, list := range call.Resources {
		left := res.Resources[i].Encoded
		for _, raw := range list.Encoded {
			name, err := callfile.NameOf(list.Kind, raw)
			if err != nil {
				return err
			}
			verdict, touched := verdicts[string(list.Kind)+"/"+name]
			if verdict == engine.Pruned {
				continue
			}
			if len(left) == 0 || !touched && list.Kind != mutator.KindRouteConfiguration && !bytes.Equal(raw, left[0]) {
				return fmt.Errorf("%s %q has no outcome but was changed", list.Kind, name)
			}
			left = left[1:]
		}
	}
	return nil
}

// nothingWithoutPolicies requires that a feature with policies leaves every resource unmodified if
// there are none.
func nothingWithoutPolicies(ctx context.Context, call *engine.Call, _ *engine.Response, newFeature func() mutator.Feature) error {
	f := newFeature()
	if len(f.Policies) == 0 {
		return nil
	}
	bare := clone(call)
	bare.Objects = nil
	if err := unmark(bare); err != nil {
		return err
	}
	return again(ctx, f, bare, bare.Resources)
}
