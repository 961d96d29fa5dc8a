// Package envoyadmin reads Envoy's admin interface and compares Envoy's resources with those that
// egraft returned: the last stage of a policy.
//
// It must not modify anything. Its results have no secrets and no terminal escapes. The caller
// finds the Envoys and provides the connections.
package envoyadmin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Envoy is an Envoy whose admin interface can be reached.
type Envoy struct {
	// Name is a pod or an address, for people to read.
	Name string
	// Transport connects to the admin interface, whatever the host of a request is.
	Transport http.RoundTripper
}

// maxBytes limits a response. A config dump of 50,000 clusters has about 200 MB.
const maxBytes = 1 << 30

// errNotFound is a 404 response: the config dump does not have the resource at the moment.
var errNotFound = errors.New("not found")

// get fetches a page.
func (e Envoy) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	to := url.URL{Scheme: "http", Host: "localhost", Path: path, RawQuery: query.Encode()}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	res, err := e.Transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case res.StatusCode == http.StatusNotFound:
		return nil, errors.Join(errNotFound, res.Body.Close())
	case res.StatusCode != http.StatusOK:
		return nil, errors.Join(fmt.Errorf("%s: Envoy responds with status %d", path, res.StatusCode), res.Body.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(res.Body, maxBytes), res.Body}, nil
}

// Info is what an Envoy reports about itself.
type Info struct {
	// Version is a version such as 1.39.1.
	Version string `json:"version,omitempty"`
	// State is LIVE for an Envoy that serves requests.
	State string `json:"state,omitempty"`
	// Disconnected is true if it is not connected to its control plane. It is false if Envoy is
	// configured not to report this.
	Disconnected bool `json:"disconnected,omitempty"`
	// RejectedUpdates counts rejected updates since Envoy started, by type: clusters, listeners or routes.
	RejectedUpdates map[string]uint64 `json:"rejectedUpdates,omitempty"`
	// The number of warming clusters and listeners, and of draining listeners, at the moment.
	WarmingClusters   uint64 `json:"warmingClusters,omitempty"`
	WarmingListeners  uint64 `json:"warmingListeners,omitempty"`
	DrainingListeners uint64 `json:"drainingListeners,omitempty"`
}

// Info queries an Envoy about itself.
func (e Envoy) Info(ctx context.Context) (*Info, error) {
	out := &Info{}
	if err := e.serverInfo(ctx, out); err != nil {
		return nil, err
	}
	stats, err := e.stats(ctx)
	if err != nil {
		return nil, err
	}
	connected, told := stats["control_plane.connected_state"]
	out.Disconnected = told && connected == 0
	out.WarmingClusters = stats["cluster_manager.warming_clusters"]
	out.WarmingListeners = stats["listener_manager.total_listeners_warming"]
	out.DrainingListeners = stats["listener_manager.total_listeners_draining"]
	out.RejectedUpdates = rejections(stats)
	return out, nil
}

func (e Envoy) serverInfo(ctx context.Context, out *Info) error {
	body, err := e.get(ctx, "/server_info", nil)
	if err != nil {
		return err
	}
	defer body.Close()
	var info struct{ State, Version string }
	if err := json.NewDecoder(body).Decode(&info); err != nil {
		return errors.New("/server_info: is not a response of Envoy")
	}
	out.State, out.Version = info.State, release(info.Version)
	return nil
}
