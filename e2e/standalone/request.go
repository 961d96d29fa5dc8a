package standalone

import (
	"context"

	"github.com/egraft/egraft/e2e/envoy"
)

// Get sends a request for a host through Envoy's listener, on a new connection.
func (e *Environment) Get(ctx context.Context, host, path string) (*envoy.Response, error) {
	return envoy.Get(ctx, ListenerAddress, host, path)
}

// Until sends requests until one gets the wanted response, and returns it.
func (e *Environment) Until(ctx context.Context, host, what string, wanted func(*envoy.Response) bool) (*envoy.Response, error) {
	return envoy.Until(ctx, ListenerAddress, host, what, wanted)
}
