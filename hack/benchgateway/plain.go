package main

import (
	"context"
	"fmt"
	"net"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	"google.golang.org/grpc"
)

// maxMessage is egraft's default.
const maxMessage = 256 << 20

// plain passes everything through with the generated types, as the simplest extension
// server that is safe does.
type plain struct {
	extensionv1.UnimplementedEnvoyGatewayExtensionServer
}

// servePlain serves on a Unix socket until the context ends.
func servePlain(ctx context.Context, socket string) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", socket, err)
	}
	s := grpc.NewServer(grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage))
	extensionv1.RegisterEnvoyGatewayExtensionServer(s, plain{})
	context.AfterFunc(ctx, s.Stop)
	return s.Serve(listener)
}

// PostRouteModify passes the route through.
func (plain) PostRouteModify(_ context.Context, r *extensionv1.PostRouteModifyRequest) (*extensionv1.PostRouteModifyResponse, error) {
	return &extensionv1.PostRouteModifyResponse{Route: r.GetRoute()}, nil
}

// PostVirtualHostModify passes the virtual host through.
func (plain) PostVirtualHostModify(_ context.Context, r *extensionv1.PostVirtualHostModifyRequest) (*extensionv1.PostVirtualHostModifyResponse, error) {
	return &extensionv1.PostVirtualHostModifyResponse{VirtualHost: r.GetVirtualHost()}, nil
}

// PostHTTPListenerModify passes the listener through.
func (plain) PostHTTPListenerModify(_ context.Context, r *extensionv1.PostHTTPListenerModifyRequest) (*extensionv1.PostHTTPListenerModifyResponse, error) {
	return &extensionv1.PostHTTPListenerModifyResponse{Listener: r.GetListener()}, nil
}

// PostClusterModify passes the cluster through.
func (plain) PostClusterModify(_ context.Context, r *extensionv1.PostClusterModifyRequest) (*extensionv1.PostClusterModifyResponse, error) {
	return &extensionv1.PostClusterModifyResponse{Cluster: r.GetCluster()}, nil
}

// PostEndpointsModify passes the endpoints through.
func (plain) PostEndpointsModify(_ context.Context, r *extensionv1.PostEndpointsModifyRequest) (*extensionv1.PostEndpointsModifyResponse, error) {
	return &extensionv1.PostEndpointsModifyResponse{LoadAssignment: r.GetLoadAssignment()}, nil
}

// PostTranslateModify passes everything through.
func (plain) PostTranslateModify(_ context.Context, r *extensionv1.PostTranslateModifyRequest) (*extensionv1.PostTranslateModifyResponse, error) {
	return &extensionv1.PostTranslateModifyResponse{
		Clusters: r.GetClusters(), Secrets: r.GetSecrets(), Listeners: r.GetListeners(), Routes: r.GetRoutes(),
	}, nil
}
