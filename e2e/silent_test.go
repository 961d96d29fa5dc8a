//go:build e2e

package e2e

import (
	"context"
	"net"
	"testing"

	extpb "github.com/envoyproxy/gateway/proto/extension"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// largestMessage exceeds the messages of all scenarios.
const largestMessage = 64 << 20

// silent is an extension server that returns nothing for single resources. That is valid for a
// server that has nothing to change and is the only one. For a translation, it returns the lists.
type silent struct {
	extpb.UnimplementedEnvoyGatewayExtensionServer
}

// PostRouteModify returns nothing.
func (silent) PostRouteModify(context.Context, *extpb.PostRouteModifyRequest) (*extpb.PostRouteModifyResponse, error) {
	return &extpb.PostRouteModifyResponse{}, nil
}

// PostVirtualHostModify returns nothing.
func (silent) PostVirtualHostModify(context.Context, *extpb.PostVirtualHostModifyRequest) (*extpb.PostVirtualHostModifyResponse, error) {
	return &extpb.PostVirtualHostModifyResponse{}, nil
}

// PostTranslateModify returns its input.
func (silent) PostTranslateModify(_ context.Context, r *extpb.PostTranslateModifyRequest) (*extpb.PostTranslateModifyResponse, error) {
	return &extpb.PostTranslateModifyResponse{Clusters: r.GetClusters(), Secrets: r.GetSecrets(), Listeners: r.GetListeners(), Routes: r.GetRoutes()}, nil
}

// chain calls extension servers one after another, as Envoy Gateway does with extensionManagers.
// Envoy Gateway's own chain cannot be used here: with several managers, its file provider has no
// policies.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/extension/registry/composite_hook_client.go
type chain struct {
	extpb.UnimplementedEnvoyGatewayExtensionServer
	servers []extpb.EnvoyGatewayExtensionClient
}

// PostRouteModify passes on the response of each server, even an empty one.
func (c *chain) PostRouteModify(ctx context.Context, r *extpb.PostRouteModifyRequest) (*extpb.PostRouteModifyResponse, error) {
	for _, server := range c.servers {
		answer, err := server.PostRouteModify(ctx, r)
		if err != nil {
			return nil, err
		}
		r.Route = answer.GetRoute()
	}
	return &extpb.PostRouteModifyResponse{Route: r.GetRoute()}, nil
}

// PostTranslateModify passes on the lists that each server returns.
func (c *chain) PostTranslateModify(ctx context.Context, r *extpb.PostTranslateModifyRequest) (*extpb.PostTranslateModifyResponse, error) {
	for _, server := range c.servers {
		answer, err := server.PostTranslateModify(ctx, r)
		if err != nil {
			return nil, err
		}
		r.Clusters, r.Secrets, r.Listeners, r.Routes = answer.GetClusters(), answer.GetSecrets(), answer.GetListeners(), answer.GetRoutes()
	}
	return &extpb.PostTranslateModifyResponse{Clusters: r.GetClusters(), Secrets: r.GetSecrets(), Listeners: r.GetListeners(), Routes: r.GetRoutes()}, nil
}

// newChain returns a chain of the servers on the sockets.
func newChain(t *testing.T, sockets ...string) (*chain, error) {
	c := &chain{}
	for _, socket := range sockets {
		conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(largestMessage)))
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = conn.Close() })
		c.servers = append(c.servers, extpb.NewEnvoyGatewayExtensionClient(conn))
	}
	return c, nil
}

// serveExtension serves on a socket until the end of the test.
func serveExtension(t *testing.T, socket string, service extpb.EnvoyGatewayExtensionServer) error {
	listener, err := net.Listen("unix", socket)
	if err != nil {
		return err
	}
	server := grpc.NewServer(grpc.MaxRecvMsgSize(largestMessage))
	extpb.RegisterEnvoyGatewayExtensionServer(server, service)
	go func() { _ = server.Serve(listener) }() // returns when stopped
	t.Cleanup(server.Stop)
	return nil
}
