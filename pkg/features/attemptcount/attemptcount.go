// Package attemptcount makes Envoy send each request's attempt number to backends in the header
// x-envoy-attempt-count: 1 for the first try, more for retries and hedged requests.
//
// The feature is off by default. Configuration enables it for all virtual hosts, because Envoy
// Gateway does not pass policies to the VirtualHost hook. It calls that hook for each virtual host,
// which takes time.
package attemptcount

import (
	"context"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"

	"github.com/egraft/egraft/pkg/mutator"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "attempt-count"

// New returns the feature.
func New() mutator.Feature {
	return mutator.Feature{
		Name:          Name,
		Hooks:         []mutator.Hook{mutator.HookVirtualHost},
		FailurePolicy: mutator.Ignore, // a missing header is no reason to reject requests
		VirtualHosts:  virtualHosts{},
	}
}

// virtualHosts sets the header for backends.
type virtualHosts struct{}

// Plan returns the same plan for all virtual hosts: egraft decodes one, with its routes, only when
// it has changed.
func (virtualHosts) Plan(*mutator.Input, mutator.View) *mutator.Plan[*routev3.VirtualHost] {
	return &mutator.Plan[*routev3.VirtualHost]{Edit: setHeader, CacheKey: new("")}
}

// setHeader sets the header. A client's own header is replaced.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/api-v3/config/route/v3/route_components.proto#envoy-v3-api-field-config-route-v3-virtualhost-include-request-attempt-count
func setHeader(_ context.Context, vh *routev3.VirtualHost) error {
	vh.IncludeRequestAttemptCount = true
	return nil
}
