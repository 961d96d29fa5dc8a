package hedge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Other endpoints than the one that is slow: how Envoy avoids the same one, and how often
// it looks for another. The values are those of Envoy Gateway's own retries.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/route.go#L831
const (
	previousHosts         = "envoy.retry_host_predicates.previous_hosts"
	hostSelectionAttempts = 5
)

// routeTimeout is Envoy's for routes that do not say otherwise.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-routeaction-timeout
const routeTimeout = 15 * time.Second

// routes hedges the requests of routes.
type routes struct{}

// Plan applies the filters of a call, which are those of the route's rule, for as long as they and
// a backend beside which they have no effect are the same.
func (routes) Plan(in *mutator.Input, _ mutator.View) *mutator.Plan[*routev3.Route] {
	filters := in.Objects.Of(gvk)
	if len(filters) == 0 {
		return nil
	}
	key := filters[0].Digest()
	if once := sentOnce(in); once != nil {
		key += once.String()
	}
	return &mutator.Plan[*routev3.Route]{
		Edit:      func(_ context.Context, r *routev3.Route) error { return apply(in, filters[0], r) },
		CacheKey:  &key,
		OnFailure: mutator.FailurePolicy(filters[0].FailurePolicy),
	}
}

// sentOnce is a backend of the rule whose requests must not be sent again: its cluster would
// choose the host of each anew, after its networks were checked.
func sentOnce(in *mutator.Input) *policy.Object {
	for _, o := range in.Objects.Of(v1alpha1.GroupVersion.WithKind(v1alpha1.KindOriginalDestinationBackend)) {
		return o
	}
	return nil
}

// apply applies a filter, the oldest of several.
func apply(in *mutator.Input, o *policy.Object, r *routev3.Route) error {
	if o.Err != nil {
		return fmt.Errorf("%s: %w", o, o.Err)
	}
	action := r.GetRoute()
	if action == nil {
		return fmt.Errorf("%s: the rule sends no requests to backends", o)
	}
	if once := sentOnce(in); once != nil {
		return fmt.Errorf("%s: the rule has %s, whose requests are sent once", o, once)
	}
	s := &policy.Typed[v1alpha1.HedgeFilter](o).Spec
	wait, err := time.ParseDuration(string(s.PerTryTimeout))
	if err != nil {
		return fmt.Errorf("%s: %w", o, err) // validated
	}
	if limit := timeoutOf(action); limit > 0 && wait >= limit {
		return fmt.Errorf("%s: spec.perTryTimeout is %s, and the route's requests end after %s", o, wait, limit)
	}
	retry, err := retryPolicy(action.GetRetryPolicy(), s, wait)
	if err != nil {
		return fmt.Errorf("%s: %w", o, err)
	}
	action.RetryPolicy = retry
	action.HedgePolicy = &routev3.HedgePolicy{HedgeOnPerTryTimeout: true}
	return nil
}

// timeoutOf is when Envoy gives a request up, 0 for never.
func timeoutOf(a *routev3.RouteAction) time.Duration {
	if a.GetTimeout() == nil {
		return routeTimeout
	}
	return a.GetTimeout().AsDuration()
}

// retryPolicy is what hedging needs to have any effect: a hedged request is a retry that
// does not end the first try. What the filter says goes before what Envoy Gateway set,
// failures to retry upon are both's, and all else stays.
func retryPolicy(p *routev3.RetryPolicy, s *v1alpha1.HedgeFilterSpec, wait time.Duration) (*routev3.RetryPolicy, error) {
	if p == nil {
		p = &routev3.RetryPolicy{}
	}
	p.PerTryTimeout = durationpb.New(wait)
	if s.MaxHedgedRequests != nil {
		p.NumRetries = wrapperspb.UInt32(uint32(*s.MaxHedgedRequests))
	}
	if p.GetNumRetries() == nil {
		p.NumRetries = wrapperspb.UInt32(1)
	}
	if p.GetNumRetries().GetValue() == 0 {
		return nil, errors.New("the route allows no retries; set spec.maxHedgedRequests")
	}
	p.RetryOn = retryOn(p.GetRetryOn(), s.RetryOn)
	if len(p.GetRetryHostPredicate()) > 0 {
		return p, nil
	}
	cfg, err := xds.Any(&previoushostsv3.PreviousHostsPredicate{})
	if err != nil {
		return nil, err
	}
	p.RetryHostPredicate = []*routev3.RetryPolicy_RetryHostPredicate{{
		Name: previousHosts, ConfigType: &routev3.RetryPolicy_RetryHostPredicate_TypedConfig{TypedConfig: cfg},
	}}
	p.HostSelectionRetryMaxAttempts = max(p.GetHostSelectionRetryMaxAttempts(), hostSelectionAttempts)
	return p, nil
}

// retryOn adds the filter's failures to those that are there. Envoy needs one, and errors have
// to be among them: otherwise one of the second endpoint would be the answer in place of what
// the first one is slow with.
func retryOn(there string, more []v1alpha1.RetryOn) string {
	var all []string
	for word := range strings.SplitSeq(there, ",") {
		if word = strings.TrimSpace(word); word != "" {
			all = append(all, word)
		}
	}
	if len(all) == 0 && len(more) == 0 {
		more = []v1alpha1.RetryOn{"connect-failure", "refused-stream", "reset", "gateway-error"}
	}
	for _, word := range more {
		if !slices.Contains(all, string(word)) {
			all = append(all, string(word))
		}
	}
	return strings.Join(all, ",")
}
