package standalone

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/e2e/envoy"
)

// gatewayConfig is Envoy Gateway's configuration without the extension
// manager, with %[1]s for the run directory.
const gatewayConfig = `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyGateway
gateway: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
provider:
  type: Custom
  custom:
    resource: {type: File, file: {paths: ["%[1]s/res"]}}
    infrastructure:
      type: Host
      host: {configHome: "%[1]s/cfg", dataHome: "%[1]s/data", stateHome: "%[1]s/state", runtimeDir: "%[1]s/rt"}
logging: {level: {default: info}}
extensionApis: {enableBackend: true, enableLua: true, enableEnvoyPatchPolicy: true}
`

// envoyPath returns the path at which Envoy Gateway expects the Envoy that it starts, and to which
// Envoy's identity is bound.
func (e *Environment) envoyPath() string {
	return filepath.Join(e.Dir, "data", "envoy-versions", e.options.envoyVersion, "bin", "envoy")
}

// certify creates the certificates of Envoy Gateway's own xDS server.
func certify(ctx context.Context, program, dir string) error {
	cmd := exec.CommandContext(ctx, program, "certgen", "--local", "--config-home", filepath.Join(dir, "cfg"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("envoy-gateway certgen: %w\n%s", err, out)
	}
	return nil
}

// configure writes Envoy Gateway's configuration file with other parts merged into it: the
// extension manager as egraft prints it, and additional ones. Runtime flags are added to those of
// the parts.
func configure(dir string, flags []string, others ...[]byte) (string, error) {
	config := map[string]any{}
	for _, part := range slices.Insert(others, 0, fmt.Appendf(nil, gatewayConfig, dir)) {
		if err := yaml.Unmarshal(part, &config); err != nil {
			return "", fmt.Errorf("merge the configuration of Envoy Gateway: %w", err)
		}
	}
	if err := enable(config, flags); err != nil {
		return "", err
	}
	content, err := yaml.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("merge the configuration of Envoy Gateway: %w", err)
	}
	path := configPath(dir)
	if err := os.WriteFile(path+".new", content, 0o644); err != nil {
		return "", fmt.Errorf("write the configuration of Envoy Gateway: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil { // atomically: Envoy Gateway may be reading it
		return "", fmt.Errorf("write the configuration of Envoy Gateway: %w", err)
	}
	return path, nil
}

func configPath(dir string) string { return filepath.Join(dir, "envoy-gateway.yaml") }

// ConfigPath returns the path of Envoy Gateway's configuration.
func (e *Environment) ConfigPath() string { return configPath(e.Dir) }

// Apply writes a file with resources for Envoy Gateway. The file appears atomically, because Envoy
// Gateway reads all files again on every write.
func (e *Environment) Apply(_ context.Context, name, content string) error {
	temporary := filepath.Join(e.Dir, "apply-"+name)
	if err := os.WriteFile(temporary, []byte(content), 0o644); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	if err := os.Rename(temporary, e.resource(name)); err != nil {
		return fmt.Errorf("apply %s: %w", name, err)
	}
	return nil
}

// Delete removes a file with resources. It is not an error if there is none.
func (e *Environment) Delete(_ context.Context, name string) error {
	if err := os.Remove(e.resource(name)); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

func (e *Environment) resource(name string) string { return filepath.Join(e.Dir, "res", name+".yaml") }

// WaitEnvoy waits until Envoy responds on the Gateway's listener.
func (e *Environment) WaitEnvoy(ctx context.Context) error {
	return e.Gateway.Wait(ctx, "Envoy's listener", func(ctx context.Context) error {
		_, err := e.Get(ctx, "no.such.host", "/")
		return err
	})
}

// AdminAddress returns the address of Envoy's administration interface, whose port Envoy selects.
func (e *Environment) AdminAddress() (string, error) {
	files, err := filepath.Glob(filepath.Join(e.Dir, "rt", "*", "admin-address.txt"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("Envoy has not started yet")
	}
	content, err := os.ReadFile(newest(files))
	if err != nil {
		return "", fmt.Errorf("address of Envoy's administration interface: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

func newest(files []string) string {
	best := files[0]
	for _, file := range files[1:] {
		a, errA := os.Stat(file)
		b, errB := os.Stat(best)
		if errA == nil && (errB != nil || a.ModTime().After(b.ModTime())) {
			best = file
		}
	}
	return best
}

// EnvoyAdmin fetches a page of Envoy's administration interface.
func (e *Environment) EnvoyAdmin(ctx context.Context, path string) ([]byte, error) {
	address, err := e.AdminAddress()
	if err != nil {
		return nil, err
	}
	return envoy.Page(ctx, "http://"+address+path)
}

// GatewayMetrics fetches the metrics of Envoy Gateway.
func (e *Environment) GatewayMetrics(ctx context.Context) ([]byte, error) {
	return envoy.Page(ctx, "http://"+gatewayMetricsAddress+"/metrics")
}

// EgraftAdmin fetches a page of egraft's administration interface.
func (e *Environment) EgraftAdmin(ctx context.Context, path string) ([]byte, error) {
	return envoy.Page(ctx, "http://"+EgraftAdminAddress+path)
}
