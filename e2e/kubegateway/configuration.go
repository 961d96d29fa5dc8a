package kubegateway

import (
	"context"
	"fmt"
	"os"
	"os/exec"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/process"
)

// base is Envoy Gateway's configuration without an extension manager. It raises the limit of
// requests to the API server, so that the status of all routes is written soon.
const base = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider:
  type: Kubernetes
  kubernetes:
    leaderElection: {disable: true}
    client: {rateLimit: {qps: 2000, burst: 4000}}
logging: {level: {default: info}}
`

// Configuration returns Envoy Gateway's configuration with additional top-level fields, in YAML.
func Configuration(fields ...[]byte) (map[string]any, error) {
	config := map[string]any{}
	for _, part := range append([][]byte{[]byte(base)}, fields...) {
		if err := yaml.Unmarshal(part, &config); err != nil {
			return nil, fmt.Errorf("merge the configuration of Envoy Gateway: %w", err)
		}
	}
	return config, nil
}

// Stanza returns the field of Envoy Gateway's configuration that egraft prints for an egraft at
// [Home.Socket] with more arguments.
func Stanza(ctx context.Context, egraft string, arguments ...string) ([]byte, error) {
	arguments = append([]string{"config", "envoy-gateway", "--format", "standalone", "--socket", Socket}, arguments...)
	cmd := exec.CommandContext(ctx, egraft, arguments...)
	cmd.Env, cmd.Stderr = process.Environ(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("egraft config envoy-gateway: %w", err)
	}
	return out, nil
}

func write(path string, config map[string]any) error {
	content, err := yaml.Marshal(config)
	if err == nil {
		err = os.WriteFile(path, content, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write the configuration of Envoy Gateway: %w", err)
	}
	return nil
}
