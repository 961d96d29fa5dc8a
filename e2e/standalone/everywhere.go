package standalone

import (
	"context"

	"github.com/egraft/egraft/e2e/manifest"
)

// Route returns a route in the form for this environment.
func (e *Environment) Route(r manifest.Route) manifest.Route { return r }

// Bundle returns the roots of the trust domain in PEM.
func (e *Environment) Bundle(context.Context) ([]byte, error) { return e.SPIFFE.Bundle(), nil }

// Rotate replaces all SVIDs.
func (e *Environment) Rotate(ctx context.Context) error { return e.SPIFFE.Rotate(ctx) }

// AgentSocket returns the path of the SPIFFE agent's socket for Envoy.
func (e *Environment) AgentSocket() string { return e.SPIFFE.Socket() }
