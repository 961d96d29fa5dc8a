package ads

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/process"
)

// Addresses of the Envoy in the experiment, in its own network namespace.
const (
	// AdminAddress is the address of Envoy's administration interface.
	AdminAddress = "127.0.0.1:19000"
	listenPort   = 10080
)

// fewStatistics are the statistics that the experiments read: with thousands of clusters, reading
// all of them would take longer than the measured operations.
const fewStatistics = `
stats_config:
  stats_matcher:
    inclusion_list:
      patterns: [{prefix: cluster_manager.}, {prefix: listener_manager.}, {suffix: .init_fetch_timeout}, {suffix: .update_rejected}]
`

// bootstrap is the relevant part of Envoy Gateway's bootstrap, with %[1]s for the host and %[2]s
// for the port of the control plane.
const bootstrap = `
node: {id: experiment, cluster: experiment}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 19000}}}
layered_runtime:
  layers:
    - name: global_config
      static_layer:
        re2.max_program_size.error_level: 4294967295
        re2.max_program_size.warn_level: 1000
dynamic_resources:
  ads_config:
    api_type: DELTA_GRPC
    transport_api_version: V3
    grpc_services: [{envoy_grpc: {cluster_name: xds_cluster}}]
    set_node_on_first_message_only: true
  lds_config: {ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}
  cds_config: {ads: {}, initial_fetch_timeout: 0s, resource_api_version: V3}
static_resources:
  clusters:
    - name: xds_cluster
      type: STATIC
      connect_timeout: 1s
      typed_extension_protocol_options:
        envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
          "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
          explicit_http_config: {http2_protocol_options: {}}
      load_assignment:
        cluster_name: xds_cluster
        endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: %[1]s, port_value: %[2]s}}}}]}]
`

// Envoy is a running Envoy that gets its configuration from a [Server].
type Envoy struct{ process *process.Process }

// StartEnvoy starts an Envoy with few statistics, without waiting for it. It writes below dir.
func StartEnvoy(program, dir string, s *Server) (*Envoy, error) {
	return start(program, dir, bootstrap+fewStatistics, s)
}

// StartCountingEnvoy is [StartEnvoy] with all statistics, as Envoy Gateway's Envoys have them.
func StartCountingEnvoy(program, dir string, s *Server) (*Envoy, error) {
	return start(program, dir, bootstrap, s)
}

func start(program, dir, bootstrap string, s *Server) (*Envoy, error) {
	host, port, _ := strings.Cut(s.listener.Addr().String(), ":")
	config := filepath.Join(dir, "bootstrap.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, bootstrap, host, port), 0o644); err != nil {
		return nil, fmt.Errorf("write Envoy's bootstrap: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "log"), 0o755); err != nil {
		return nil, fmt.Errorf("directory for Envoy's log: %w", err)
	}
	e := &Envoy{process.New(dir, "envoy", program, "--config-path", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn")}
	return e, e.process.Start()
}

// Stop ends Envoy.
func (e *Envoy) Stop() error { return e.process.Stop() }

// Log is the path of Envoy's log.
func (e *Envoy) Log() string { return e.process.Log }

// Get sends a request for a host on a new connection. It returns one line: the status, the
// generation of the cluster, the client that the backend saw if it reports one, and for Envoy's own
// responses the response flags. Without a response it returns "rejected".
func (e *Envoy) Get(ctx context.Context, host string) string { return e.GetPath(ctx, host, "/") }

// GetPath is [Envoy.Get] for another path.
func (e *Envoy) GetPath(ctx context.Context, host, path string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:"+strconv.Itoa(listenPort)+path, nil)
	if err != nil {
		return err.Error()
	}
	request.Host = host
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "rejected"
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Sprintf("%d %s", response.StatusCode, body)
	}
	return strings.Join(strings.Fields("200 "+response.Header.Get(generationHeader)+" "+response.Header.Get(PeerHeader)), " ")
}

var transport = &http.Transport{DisableKeepAlives: true, Proxy: nil}

// Admin returns a page of Envoy's administration interface.
func (e *Envoy) Admin(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+AdminAddress+path, nil)
	if err != nil {
		return nil, fmt.Errorf("%s of Envoy: %w", path, err)
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, fmt.Errorf("%s of Envoy: %w", path, err)
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

// Stat returns the sum of the counters and gauges whose names match a regular expression.
func (e *Envoy) Stat(ctx context.Context, filter string) (int, error) {
	page, err := e.Admin(ctx, "/stats?filter="+filter)
	if err != nil {
		return 0, err
	}
	sum := 0
	for line := range strings.Lines(string(page)) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		n, convErr := strconv.Atoi(value)
		sum, err = sum+n, errors.Join(err, convErr)
	}
	return sum, err
}
