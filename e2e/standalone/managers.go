package standalone

import (
	"context"
	"fmt"

	"sigs.k8s.io/yaml"
)

// extensionManagers is what Envoy Gateway is told of extension servers: egraft, or the
// chain that the options make of it.
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
	out, err := yaml.Marshal(map[string]any{"extensionManagers": managers})
	if err != nil {
		return nil, fmt.Errorf("chain extension managers: %w", err)
	}
	return out, nil
}
