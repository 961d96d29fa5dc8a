// Package envoyadmin reads Envoy's administration interface and compares what Envoy has with what
// egraft returned: the last stage of a policy.
//
// It only reads. What it returns has no secrets, and no texts that a terminal would obey. Which
// Envoys there are and how they are reached is the caller's business.
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

// Envoy is an Envoy whose administration interface can be reached.
type Envoy struct {
	// Name is for people: a pod, or an address.
	Name string
	// Transport leads to the administration interface, whatever the host of a request is.
	Transport http.RoundTripper
}

// maxBytes bounds an answer. A config dump of 50,000 clusters has about 200 MB.
const maxBytes = 1 << 30

// errNotFound is an answer 404: a resource that the config dump does not have at the moment.
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

// Info is what an Envoy says of itself.
type Info struct {
	// Version is like 1.39.1.
	Version string `json:"version,omitempty"`
	// State is LIVE for one that serves.
	State string `json:"state,omitempty"`
	// Disconnected is whether it is not connected to its control plane. It is false if Envoy is
	// configured not to tell.
	Disconnected bool `json:"disconnected,omitempty"`
	// RejectedUpdates are counted since Envoy began, by what was updated: clusters, listeners or
	// routes.
	RejectedUpdates map[string]uint64 `json:"rejectedUpdates,omitempty"`
	// Warming clusters and listeners, and listeners that drain, at the moment.
	WarmingClusters   uint64 `json:"warmingClusters,omitempty"`
	WarmingListeners  uint64 `json:"warmingListeners,omitempty"`
	DrainingListeners uint64 `json:"drainingListeners,omitempty"`
}

// Info asks an Envoy about itself.
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
		return errors.New("/server_info: is not what Envoy responds with")
	}
	out.State, out.Version = info.State, release(info.Version)
	return nil
}
