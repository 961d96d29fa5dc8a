package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"

	extensionv1 "github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/pkg/xds"
)

// example does what Envoy Gateway's example extension server does: it reads the policy of each
// call, looks at the metadata of every cluster, and logs which ones it changes.
// https://github.com/envoyproxy/gateway/tree/v1.9.1/examples/extension-server
type example struct {
	plain
	log *slog.Logger
}

const (
	keyResources = "resources"
	keyCluster   = "cluster_name"
)

// newExample logs to the null device: the cost of logging is measured, the log is discarded.
func newExample() (example, error) {
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	return example{log: slog.New(slog.NewTextHandler(nowhere, nil))}, err
}

// PostTranslateModify edits the clusters whose metadata names a route.
func (e example) PostTranslateModify(_ context.Context, r *extensionv1.PostTranslateModifyRequest) (*extensionv1.PostTranslateModifyResponse, error) {
	e.log.Info("translation hook was called", slog.Int(keyResources, len(r.GetPostTranslateContext().GetExtensionResources())))
	var policy map[string]any
	for _, p := range r.GetPostTranslateContext().GetExtensionResources() {
		if err := json.Unmarshal(p.GetUnstructuredBytes(), &policy); err != nil {
			return nil, err
		}
	}
	if targets(r) {
		for _, c := range r.GetClusters() {
			if err := e.edit(c); err != nil {
				return nil, err
			}
		}
	}
	clusters := append(r.GetClusters(), &clusterv3.Cluster{Name: "agent"})
	return &extensionv1.PostTranslateModifyResponse{Clusters: clusters, Secrets: r.GetSecrets(), Listeners: r.GetListeners(), Routes: r.GetRoutes()}, nil
}

func (e example) edit(c *clusterv3.Cluster) error {
	for _, ref := range xds.References(c.GetMetadata()) {
		if ref.Kind == xds.KindHTTPRoute {
			e.log.Info("adding SDS config to cluster", slog.String(keyCluster, c.GetName()))
			return xds.EditClusterTLS(c, withSVID)
		}
	}
	return nil
}
