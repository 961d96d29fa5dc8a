package main

import (
	"context"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
)

// plain passes everything through with the generated types, as the simplest safe extension server
// does.
type plain struct {
	extensionv1.UnimplementedEnvoyGatewayExtensionServer
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
