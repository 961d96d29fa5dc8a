package envoy

import (
	"context"
	"encoding/json"
	"fmt"
)

const connectionManager = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"

// HTTPFilters returns the names of the HTTP filters that Envoy uses, in order, by listener and
// route configuration. A listener that is only warming has none.
func (a Admin) HTTPFilters(ctx context.Context) (map[string][]string, error) {
	page, err := a(ctx, "/config_dump?resource=dynamic_listeners")
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []struct {
			Name        string `json:"name"`
			ActiveState any    `json:"active_state"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(page, &dump); err != nil {
		return nil, fmt.Errorf("decode Envoy's listeners: %w", err)
	}
	out := map[string][]string{}
	for _, listener := range dump.Configs {
		for _, manager := range typed(listener.ActiveState, connectionManager) {
			filters, _ := manager["http_filters"].([]any)
			rds, _ := manager["rds"].(map[string]any)
			var names []string
			for _, filter := range filters {
				filter, _ := filter.(map[string]any)
				names = append(names, fmt.Sprint(filter["name"]))
			}
			out[fmt.Sprintf("%s: %v", listener.Name, rds["route_config_name"])] = names
		}
	}
	return out, nil
}
