package envoy

import (
	"context"
	"encoding/json"
	"fmt"
)

// dumped maps the parts of a dump with xDS resources to the fields that contain the resource of an
// entry.
var dumped = map[string][]string{
	"dynamic_active_clusters":  {"cluster"},
	"dynamic_listeners":        {"active_state", "listener"},
	"dynamic_route_configs":    {"route_config"},
	"dynamic_endpoint_configs": {"endpoint_config"},
}

// Configuration returns everything that Envoy uses and got by xDS, in JSON: resources by the part
// of the dump and their names, without versions and times. It does not include warming resources.
func (a Admin) Configuration(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for part, fields := range dumped {
		page, err := a(ctx, "/config_dump?include_eds&resource="+part)
		if err != nil {
			return nil, err
		}
		var dump struct {
			Configs []map[string]any `json:"configs"`
		}
		if err := json.Unmarshal(page, &dump); err != nil {
			return nil, fmt.Errorf("decode %s: %w", part, err)
		}
		for _, resource := range dump.Configs {
			for _, field := range fields {
				resource, _ = resource[field].(map[string]any)
			}
			if resource == nil {
				continue // a listener that is only warming or draining
			}
			content, err := json.MarshalIndent(resource, "", " ")
			if err != nil {
				return nil, fmt.Errorf("encode %s: %w", part, err)
			}
			name := resource["name"]
			if name == nil {
				name = resource["cluster_name"]
			}
			out[fmt.Sprintf("%s %v", part, name)] = string(content)
		}
	}
	return out, nil
}
