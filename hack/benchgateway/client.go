package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/kubegateway"
)

const (
	typePrefix = "type.googleapis.com/envoy.config."
	routeType  = typePrefix + "route.v3.RouteConfiguration"
)

// subscribed returns the types of which this client subscribes to all resources: the large ones.
func subscribed() []string {
	return []string{
		typePrefix + "cluster.v3.Cluster", typePrefix + "endpoint.v3.ClusterLoadAssignment",
		typePrefix + "listener.v3.Listener", routeType,
	}
}

// seen is a response with routes.
type seen struct {
	at     time.Time
	routes []byte
}

// client is a client of Envoy Gateway's xDS server, like an Envoy of the Gateway.
type client struct {
	conn   *grpc.ClientConn
	stream discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesClient
	seen   chan seen
	failed chan error
}

// newClient connects with the certificate of a home.
func newClient(ctx context.Context, h *kubegateway.Home) (*client, error) {
	config, err := clientTLS(h)
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(kubegateway.XDSAddress, grpc.WithTransportCredentials(credentials.NewTLS(config)), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, fmt.Errorf("make a client of Envoy Gateway's xDS server: %w", err)
	}
	c := &client{conn: conn, seen: make(chan seen, 64), failed: make(chan error, 1)}
	if c.stream, err = discoveryv3.NewAggregatedDiscoveryServiceClient(conn).DeltaAggregatedResources(ctx, grpc.WaitForReady(true)); err == nil {
		err = c.subscribe()
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("connect to Envoy Gateway's xDS server: %w", err)
	}
	go func() { c.failed <- c.receive() }()
	return c, nil
}

// subscribe subscribes to everything. Envoy Gateway identifies the Gateway by the node's cluster.
func (c *client) subscribe() error {
	node := &corev3.Node{Id: "benchgateway", Cluster: namespace + "/eg"}
	for _, url := range subscribed() {
		if err := c.stream.Send(&discoveryv3.DeltaDiscoveryRequest{Node: node, TypeUrl: url}); err != nil {
			return err
		}
	}
	return nil
}

// receive acknowledges every response. It does not decode routes, to save time.
func (c *client) receive() error {
	for {
		answer, err := c.stream.Recv()
		if err != nil {
			return fmt.Errorf("Envoy Gateway's xDS server: %w", err)
		}
		at := time.Now()
		if answer.GetTypeUrl() == routeType {
			for _, r := range answer.GetResources() {
				c.seen <- seen{at, r.GetResource().GetValue()}
			}
		}
		if err := c.stream.Send(&discoveryv3.DeltaDiscoveryRequest{TypeUrl: answer.GetTypeUrl(), ResponseNonce: answer.GetNonce()}); err != nil {
			return fmt.Errorf("Envoy Gateway's xDS server: %w", err)
		}
	}
}

// waitFor waits for routes that fulfil a condition, and returns the time of their arrival.
func (c *client) waitFor(ctx context.Context, what string, right func(routes []byte) bool) (time.Time, error) {
	for {
		select {
		case s := <-c.seen:
			if right(s.routes) {
				return s.at, nil
			}
		case err := <-c.failed:
			return time.Time{}, fmt.Errorf("wait for %s: %w", what, err)
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		}
	}
}

// waitRoutes waits until the snapshot has the given number of virtual hosts.
func (c *client) waitRoutes(ctx context.Context, count int) error {
	_, err := c.waitFor(ctx, fmt.Sprintf("%d virtual hosts in the snapshot", count), func(routes []byte) bool {
		config := &routev3.RouteConfiguration{}
		return proto.Unmarshal(routes, config) == nil && len(config.GetVirtualHosts()) == count
	})
	return err
}

// waitPath waits until a path is in the snapshot.
func (c *client) waitPath(ctx context.Context, path string) (time.Time, error) {
	return c.waitFor(ctx, path+" in the snapshot", func(routes []byte) bool { return bytes.Contains(routes, []byte(path)) })
}

func (c *client) close() { _ = c.conn.Close() }

// clientTLS returns the configuration of a client with Envoy's certificate.
func clientTLS(h *kubegateway.Home) (*tls.Config, error) {
	own, err := tls.LoadX509KeyPair(h.Envoy+".crt", h.Envoy+".key")
	if err != nil {
		return nil, fmt.Errorf("load Envoy's certificate: %w", err)
	}
	ca, err := os.ReadFile(h.CA)
	if err != nil {
		return nil, fmt.Errorf("load the authority's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &tls.Config{Certificates: []tls.Certificate{own}, RootCAs: roots, ServerName: kubegateway.ServerName, MinVersion: tls.VersionTLS12}, nil
}
