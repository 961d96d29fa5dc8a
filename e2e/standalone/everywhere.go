package standalone

import (
	"context"

	"github.com/egraft/egraft/e2e/manifest"
)

// Route is a route as it is written here.
func (e *Environment) Route(r manifest.Route) manifest.Route { return r }

// Bundle is the roots of the trust domain in PEM.
func (e *Environment) Bundle(context.Context) ([]byte, error) { return e.SPIFFE.Bundle(), nil }

// Rotate has all SVIDs replaced.
func (e *Environment) Rotate(ctx context.Context) error { return e.SPIFFE.Rotate(ctx) }

// AgentSocket is where Envoy finds the SPIFFE agent's socket.
func (e *Environment) AgentSocket() string { return e.SPIFFE.Socket() }
