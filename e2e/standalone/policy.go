package standalone

import (
	"context"
	"time"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// Policy returns a policy with the defaults of this environment.
func (e *Environment) Policy() manifest.Policy {
	return manifest.NewPolicy(e.SPIFFE.Socket())
}

// ApplyPolicy writes a policy to a file named after it.
func (e *Environment) ApplyPolicy(ctx context.Context, p manifest.Policy) error {
	return e.Apply(ctx, p.Name, p.File())
}

// Effect applies a policy and measures how long it takes until a request for the host gets the
// wanted response.
func (e *Environment) Effect(ctx context.Context, p manifest.Policy, host string, wanted func(*envoy.Response) bool) (time.Duration, *envoy.Response, error) {
	start := time.Now()
	if err := e.ApplyPolicy(ctx, p); err != nil {
		return 0, nil, err
	}
	response, err := e.Until(ctx, host, "policy "+p.Name+" to take effect", wanted)
	return time.Since(start), response, err
}
