package server

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/egraft/egraft/internal/logging"
)

// listen opens the configured listener.
func (c *Config) listen(ctx context.Context) (net.Listener, error) {
	if c.Socket != nil {
		return c.Socket.listen(ctx, c.Log)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.TCP.Address)
	if err != nil {
		return nil, fmt.Errorf("listen for Envoy Gateway: %w", err)
	}
	if c.TCP.Insecure {
		c.Log.Warn("serving without TLS, anyone on the network path can read and modify calls",
			logging.KeyAddress, l.Addr().String())
	}
	return l, nil
}

// credentialsFor returns the credentials that decide who may connect.
func credentialsFor(c *Config) (credentials.TransportCredentials, error) {
	switch {
	case c.Socket != nil:
		return newPeerCredentials(c.Socket.AllowedUIDs, c.Log), nil
	case c.TCP.Insecure:
		return insecure.NewCredentials(), nil
	default:
		return newTLS(c.TCP, c.Log)
	}
}
