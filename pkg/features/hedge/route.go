package hedge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	previoushostsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/retry/host/previous_hosts/v3"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// How Envoy avoids the slow endpoint, and how often it tries to select another one. The values are
// the same as for Envoy Gateway's own retries.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/route.go#L831
const (
	previousHosts         = "envoy.retry_host_predicates.previous_hosts"
	hostSelectionAttempts = 5
)

// routeTimeout is Envoy's default timeout of routes.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-routeaction-timeout
const routeTimeout = 15 * time.Second

// sentOnce names a backend of the rule whose requests must not be sent again, because its cluster
// would choose the host again after the networks were checked. It is empty if there is none.
func sentOnce(in *mutator.Input) string {
	for _, o := range in.Objects.Of(v1alpha1.GroupVersion.WithKind(v1alpha1.KindOriginalDestinationBackend)) {
		return o.String()
	}
	return ""
}

// hedge hedges the requests of a route.
func hedge(in *mutator.Input, f *v1alpha1.HedgeFilter, r *routev3.Route) error {
	action := r.GetRoute()
	if action == nil {
		return errors.New("the rule sends no requests to backends")
	}
	if once := sentOnce(in); once != "" {
		return fmt.Errorf("the rule has %s, whose requests are sent once", once)
	}
	wait, err := duration.Parse(f.Spec.PerTryTimeout)
	if err != nil {
		return err // validated
	}
	if limit := timeoutOf(action); limit > 0 && wait >= limit {
		return fmt.Errorf("spec.perTryTimeout is %s, and the route's requests end after %s", wait, limit)
	}
	if action.RetryPolicy, err = retryPolicy(action.GetRetryPolicy(), &f.Spec, wait); err != nil {
		return err
	}
	action.HedgePolicy = &routev3.HedgePolicy{HedgeOnPerTryTimeout: true}
	return nil
}

// timeoutOf returns the timeout of a route's requests, 0 for none.
func timeoutOf(a *routev3.RouteAction) time.Duration {
	if a.GetTimeout() == nil {
		return routeTimeout
	}
	return a.GetTimeout().AsDuration()
}

// retryPolicy sets the retry policy that hedging requires: a hedged request is a retry that does not
// end the first attempt. The filter's fields override Envoy Gateway's, failures to retry on are
// combined, and everything else stays.
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

// retryOn adds the filter's failures to the existing ones. Envoy needs at least one, and errors must be
// among them: otherwise, an error of the second endpoint would replace the response of the slow first
// one.
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
