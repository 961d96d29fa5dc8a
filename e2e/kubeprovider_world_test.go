//go:build e2e

package e2e

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/kubegateway"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
)

// kubeWorld is Envoy Gateway with its Kubernetes provider, egraft, and an Envoy for each
// configuration of Envoy Gateway.
type kubeWorld struct {
	*kubegateway.Cluster
	t      *testing.T
	home   *kubegateway.Home
	issuer *devspiffe.Issuer
	dir    string
	// programs are the paths of the parts, and started all processes except those of the cluster.
	programs        map[parts.Name]string
	egraft, gateway *process.Process
	envoys          map[string]*process.Process // by the address of their administration interface
	policies        int                         // so far; makes each policy different
}

func newKubeWorld(t *testing.T) *kubeWorld {
	t.Helper()
	needsParts(t, parts.APIServer)
	dir, err := os.MkdirTemp("/tmp", "egraft-") //nolint:usetesting // t.TempDir is deleted before the logs can be read
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "log"), 0o755))
	w := &kubeWorld{t: t, dir: dir}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the logs are in %s/log", dir)
			return
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	w.programs, err = parts.Prepared(parts.Envoy, "egraft")
	require.NoError(t, err)
	w.Cluster, err = kubegateway.StartCluster(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Stop()) })
	w.home, err = kubegateway.NewHome(dir, w.Cluster)
	require.NoError(t, err)
	w.issuer, err = devspiffe.New(devspiffe.Config{TrustDomain: manifest.TrustDomain, Socket: filepath.Join(dir, "agent.sock")})
	require.NoError(t, err)
	require.NoError(t, w.issuer.Start())
	t.Cleanup(w.issuer.Stop)
	t.Cleanup(func() { require.NoError(t, w.halt()) })
	return w
}

// run starts Envoy Gateway with additional configuration fields, after stopping the previous one.
func (w *kubeWorld) run(fields ...string) {
	w.t.Helper()
	require.NoError(w.t, w.halt())
	ctx, cancel := context.WithTimeout(w.t.Context(), 2*patience)
	defer cancel()
	egraft, arguments := w.programs["egraft"], []string{"--fast-cluster-updates", "--eds-initial-fetch-timeout", "200ms"}
	stanza, err := kubegateway.Stanza(ctx, egraft, arguments...)
	require.NoError(w.t, err)
	config, err := kubegateway.Configuration(stanza, []byte(strings.Join(fields, "\n")))
	require.NoError(w.t, err)
	w.gateway, err = w.home.Gateway(config)
	require.NoError(w.t, err)
	arguments = append([]string{egraft, "serve", "--socket", w.home.Socket(), "--admin-address", standalone.EgraftAdminAddress, "--log-level", "debug"}, arguments...)
	w.egraft = process.New(w.dir, "egraft", arguments...)
	require.NoError(w.t, w.egraft.Start())
	require.NoError(w.t, w.egraft.Wait(ctx, "egraft's socket", func(context.Context) error {
		_, err := os.Stat(w.home.Socket())
		return err
	}))
	require.NoError(w.t, w.gateway.Start())
	require.NoError(w.t, w.gateway.Wait(ctx, "Envoy Gateway's xDS server", func(ctx context.Context) error {
		_, err := envoy.Page(ctx, "http://127.0.0.1:19001/metrics")
		return err
	}))
}

// halt stops everything except the cluster, Envoy Gateway before egraft.
func (w *kubeWorld) halt() error {
	err := w.haltEnvoys()
	for _, p := range []*process.Process{w.gateway, w.egraft} {
		if p != nil {
			err = errors.Join(err, p.Stop())
		}
	}
	return err
}

func (w *kubeWorld) haltEnvoys() error {
	var all []*process.Process
	for _, p := range w.envoys {
		all = append(all, p)
	}
	w.envoys = nil
	return process.StopAll(all...)
}

// ownEnvoy is the configuration of an Envoy as in a pod of Envoy Gateway, with %[1]s for the node's
// cluster, %[2]s and %[3]s for the certificate and its authority, %[4]s for the xDS server's name
// and %[5]d for the port of the administration interface.
const ownEnvoy = `
node: {id: %[1]s, cluster: %[1]s}
admin: {address: {socket_address: {address: 127.0.0.1, port_value: %[5]d}}}
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
      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 18000}}}}]}]
    transport_socket:
      name: envoy.transport_sockets.tls
      typed_config:
        "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
        sni: %[4]s
        common_tls_context:
          tls_params: {tls_maximum_protocol_version: TLSv1_3}
          alpn_protocols: [h2]
          tls_certificates: [{certificate_chain: {filename: %[2]s.crt}, private_key: {filename: %[2]s.key}}]
          validation_context: {trusted_ca: {filename: %[3]s}}
`

// runEnvoys starts an Envoy for each name for which Envoy Gateway has a configuration, in place of
// the previous ones.
func (w *kubeWorld) runEnvoys(clusters ...string) {
	w.t.Helper()
	require.NoError(w.t, w.haltEnvoys())
	w.envoys = map[string]*process.Process{}
	for i, cluster := range clusters {
		port := 19100 + i
		name := "envoy-" + strings.ReplaceAll(cluster, "/", "-")
		config := filepath.Join(w.dir, name+".yaml")
		require.NoError(w.t, os.WriteFile(config, fmt.Appendf(nil, ownEnvoy, cluster, w.home.Envoy, w.home.CA, kubegateway.ServerName, port), 0o644))
		p := process.New(w.dir, name, w.programs[parts.Envoy], "--config-path", config, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn")
		require.NoError(w.t, p.Start())
		w.envoys[fmt.Sprintf("127.0.0.1:%d", port)] = p
	}
}

func (w *kubeWorld) apply(t *testing.T, manifests string) {
	t.Helper()
	require.NoError(t, w.Admin.Apply(t.Context(), manifests))
}

// remove deletes applied resources. It can be used after the subtest has ended.
func (w *kubeWorld) remove(manifests string) {
	w.t.Helper()
	if manifests == "" {
		return
	}
	require.NoError(w.t, w.Admin.Delete(w.t.Context(), manifests))
}

// until waits for a condition, and for it to last: a policy that must not be in effect could take
// effect later.
func (w *kubeWorld) until(t *testing.T, what string, condition func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	since := time.Time{}
	require.NoError(t, w.gateway.Wait(ctx, what, func(ctx context.Context) error {
		err := condition(ctx)
		switch {
		case err != nil:
			since = time.Time{}
			return err
		case since.IsZero():
			since = time.Now()
		}
		if time.Since(since) < holds {
			return fmt.Errorf("the state has lasted less than %s", holds)
		}
		return nil
	}))
}

// holds is the time for which a state must last.
const holds = 400 * time.Millisecond

// servingCertificate returns the Secret of the Gateways' own certificate in a namespace.
func (w *kubeWorld) servingCertificate(namespace string) string {
	w.t.Helper()
	certificate, err := w.PKI.Server("gateway", nil, "*.example.com")
	require.NoError(w.t, err)
	data := ""
	for key, extension := range map[string]string{"tls.crt": ".crt", "tls.key": ".key"} {
		content, err := os.ReadFile(certificate + extension)
		require.NoError(w.t, err)
		data += fmt.Sprintf("  %s: %s\n", key, base64.StdEncoding.EncodeToString(content))
	}
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: cert, namespace: %s}\ndata:\n%s", namespace, data)
}
