package standalone

import (
	"context"
	"fmt"

	"sigs.k8s.io/yaml"
)

// extensionManagers returns Envoy Gateway's configuration of extension servers: egraft, or the
// result of the options. With more than one, the file provider of Envoy Gateway 1.9.1 has no kinds
// of policies, since it reads them only from extensionManager:
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/provider/kubernetes/controller_offline.go#L57
func (e *Environment) extensionManagers(ctx context.Context) ([]byte, error) {
	printed, err := e.extensionManager(ctx)
	if err != nil || e.options.Managers == nil {
		return printed, err
	}
	var own struct {
		ExtensionManager map[string]any `json:"extensionManager"`
	}
	if err := yaml.Unmarshal(printed, &own); err != nil {
		return nil, fmt.Errorf("read what egraft says about Envoy Gateway: %w", err)
	}
	managers, err := e.options.Managers(e.Dir, own.ExtensionManager)
	if err != nil {
		return nil, fmt.Errorf("chain extension managers: %w", err)
	}
	config := map[string]any{"extensionManagers": managers}
	if len(managers) == 1 {
		config = map[string]any{"extensionManager": managers[0]}
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return nil, fmt.Errorf("chain extension managers: %w", err)
	}
	return out, nil
}

// Rewire changes the configuration of a running Envoy Gateway to these extension servers.
func (e *Environment) Rewire(ctx context.Context, managers []map[string]any) error {
	e.options.Managers = func(string, map[string]any) ([]map[string]any, error) { return managers, nil }
	extension, err := e.extensionManagers(ctx)
	if err == nil {
		_, err = configure(e.Dir, e.options.RuntimeFlags, extension)
	}
	return err
}
