//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/e2e/standalone"
	"github.com/egraft/egraft/internal/doctor"
)

// doctor runs `egraft doctor` next to the parts and returns its report and exit code.
func (f *fixture) doctor(args ...string) (*doctor.Report, int) {
	f.t.Helper()
	args = append([]string{"doctor", "--output", "json", "--admin-address", standalone.EgraftAdminAddress, "--envoy-gateway-config", f.gatewayConfig()}, args...)
	cmd := exec.CommandContext(f.soon(), f.EgraftProgram(), args...)
	cmd.Env = process.Environ()
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		require.NoError(f.t, err)
	}
	report := &doctor.Report{}
	require.NoError(f.t, json.Unmarshal(out, report), "%s", out)
	return report, cmd.ProcessState.ExitCode()
}

func (f *fixture) gatewayConfig() string { return filepath.Join(f.Dir, "envoy-gateway.yaml") }

// problems returns the findings of the checks with a status, by name.
func problems(r *doctor.Report, s doctor.Status) map[string][]string {
	out := map[string][]string{}
	for _, c := range r.Checks {
		if c.Status != s {
			continue
		}
		for _, p := range c.Problems {
			out[c.Name] = append(out[c.Name], p.Message)
		}
	}
	return out
}

// TestDoctor: if the parts are set up correctly, the doctor finds no problem. It reads from the
// real Envoy Gateway whether the configuration file differs from the running configuration.
func TestDoctor(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{})
	f.routes(echoRoute)
	f.until(echoRoute.Host(), "a response of the backend, which serves TLS", envoy.Status(400))
	f.effect(f.policy("HTTPRoute", echoRoute.Name, ""), echoRoute.Host(), seesEnvoy)

	report, code := f.doctor()
	require.Empty(t, problems(report, doctor.Failed))
	require.Empty(t, problems(report, doctor.Warning))
	require.Zero(t, code)
	for _, c := range report.Checks {
		if c.Name == "NotLoaded" {
			require.Equal(t, doctor.OK, c.Status, "Envoy Gateway reports: %v", c)
		}
	}

	f.doctorLooksIntoEnvoy()

	f.doctorSeesWhatRuns()
}

// doctorSeesWhatRuns: Envoy Gateway loads a changed file, unless it is invalid.
func (f *fixture) doctorSeesWhatRuns() {
	f.t.Helper()
	f.changeHooks("Route", "Translation")
	f.wait("Envoy Gateway to load its configuration", func(context.Context) error {
		report, _ := f.doctor()
		if hooks := problems(report, doctor.Failed)["MissingHooks"]; !slices.Equal(hooks, []string{"extensionManager does not have the Cluster hook"}) {
			return fmt.Errorf("the doctor finds %q", hooks)
		}
		return nil
	})
	f.changeHooks()
	f.wait("the doctor to report that Envoy Gateway does not load it", func(context.Context) error {
		report, code := f.doctor()
		if problems(report, doctor.Failed)["NotLoaded"] == nil || code != 1 {
			return fmt.Errorf("the doctor finds %q", problems(report, doctor.Failed))
		}
		return nil
	})
}

// changeHooks changes the hooks in Envoy Gateway's configuration.
func (f *fixture) changeHooks(hooks ...string) {
	f.t.Helper()
	text, err := os.ReadFile(f.gatewayConfig())
	f.must(err)
	var config map[string]any
	f.must(yaml.Unmarshal(text, &config))
	config["extensionManager"].(map[string]any)["hooks"].(map[string]any)["xdsTranslator"].(map[string]any)["post"] = hooks
	text, err = yaml.Marshal(config)
	f.must(err)
	f.must(os.WriteFile(f.gatewayConfig(), text, 0o600))
}

// trap is a cluster that verifies peers by a trust domain alone, from a third-party
// EnvoyPatchPolicy, with %s for the agent's socket. A second EnvoyPatchPolicy patches what egraft
// adds.
const trap = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata: {name: trap, namespace: default}
spec:
  type: JSONPatch
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: eg}
  jsonPatches:
  - type: type.googleapis.com/envoy.config.cluster.v3.Cluster
    name: trap
    operation:
      op: add
      path: ""
      value:
        name: trap
        type: STATIC
        connect_timeout: 1s
        load_assignment: {cluster_name: trap, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}
        transport_socket:
          name: envoy.transport_sockets.tls
          typed_config:
            "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext
            common_tls_context:
              combined_validation_context:
                default_validation_context: {match_typed_subject_alt_names: [{san_type: DNS, matcher: {exact: shop.example.com}}]}
                validation_context_sds_secret_config:
                  name: spiffe://example.org
                  sds_config:
                    resource_api_version: V3
                    initial_fetch_timeout: 1s
                    api_config_source: {api_type: GRPC, transport_api_version: V3, grpc_services: [{google_grpc: {target_uri: "unix:%s", stat_prefix: trap}}]}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyPatchPolicy
metadata: {name: late, namespace: default}
spec:
  type: JSONPatch
  targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: eg}
  jsonPatches:
  - {type: type.googleapis.com/envoy.config.cluster.v3.Cluster, name: egraft/backend-mtls/1/echo, operation: {op: add, path: /connect_timeout, value: 2s}}
`

// doctorLooksIntoEnvoy finds problems that others cause in Envoy's configuration.
func (f *fixture) doctorLooksIntoEnvoy() {
	f.t.Helper()
	address, err := f.AdminAddress()
	f.must(err)
	report, code := f.doctor("--envoy-admin", address)
	require.Empty(f.t, problems(report, doctor.Failed))
	require.Zero(f.t, code)
	for _, c := range report.Checks {
		if c.Name == "RegistrationEntries" {
			require.Equal(f.t, []string{"spire-server entry create -parentID AGENT -spiffeID spiffe://example.org/envoy -selector unix:path:PATH_OF_ENVOY"}, c.Lines)
		}
	}
	f.must(f.Apply(f.soon(), "trap", fmt.Sprintf(trap, f.AgentSocket())))
	f.wait("the cluster of the EnvoyPatchPolicy", func(ctx context.Context) error {
		clusters, err := f.Clusters(ctx)
		if err == nil && clusters["trap"] == nil {
			err = errors.New("there is none")
		}
		return err
	})
	report, code = f.doctor("--envoy-admin", address)
	require.Equal(f.t, map[string][]string{
		"AnyIdentity":   {"Envoy at " + address + ": cluster trap verifies peers with spiffe://example.org, but accepts every SPIFFE ID"},
		"PatchConflict": {"EnvoyPatchPolicy default/late changes /connect_timeout of egraft/backend-mtls/1/echo, which egraft adds later"},
	}, problems(report, doctor.Failed))
	require.Equal(f.t, 1, code)
	f.must(f.Delete(f.soon(), "trap"))
}

// TestDoctorFindsMistakes: Envoy Gateway runs with a configuration that has several mistakes.
func TestDoctorFindsMistakes(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{Managers: func(_ string, egraft map[string]any) ([]map[string]any, error) {
		hooks := egraft["hooks"].(map[string]any)["xdsTranslator"].(map[string]any)
		hooks["post"] = []any{"Route", "Translation"}
		hooks["translation"].(map[string]any)["route"] = map[string]any{"includeAll": false}
		egraft["policyResources"] = egraft["policyResources"].([]any)[1:]
		egraft["failOpen"], egraft["maxMessageSize"] = true, "1Mi"
		return []map[string]any{egraft}, nil
	}})
	report, code := f.doctor()
	require.Equal(t, map[string][]string{
		"MissingHooks": {"extensionManager does not have the Cluster hook"},
		"MissingKinds": {"extensionManager.policyResources does not have BackendMTLSPolicy.v1alpha1.egraft.io"},
		"NotIncluded":  {"extensionManager does not include routes in the Translation hook"},
		"FailOpen":     {"extensionManager has failOpen: true"},
	}, problems(report, doctor.Failed))
	require.Contains(t, problems(report, doctor.Warning), "MessageLimit")
	require.Equal(t, 1, code)
}
