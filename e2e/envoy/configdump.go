package envoy

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/process"
)

// Admin fetches a page of an Envoy's administration interface.
type Admin func(ctx context.Context, path string) ([]byte, error)

// Cluster is a cluster from Envoy's administration interface, in JSON.
type Cluster map[string]any

// Clusters returns the active clusters that Envoy got from Envoy Gateway, by name, without warming
// ones.
func (a Admin) Clusters(ctx context.Context) (map[string]Cluster, error) {
	return a.clusters(ctx, "dynamic_active_clusters")
}

// WarmingClusters returns the clusters that Envoy got and does not use yet.
func (a Admin) WarmingClusters(ctx context.Context) (map[string]Cluster, error) {
	return a.clusters(ctx, "dynamic_warming_clusters")
}

func (a Admin) clusters(ctx context.Context, resource string) (map[string]Cluster, error) {
	page, err := a(ctx, "/config_dump?resource="+resource)
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []struct {
			Cluster Cluster `json:"cluster"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(page, &dump); err != nil {
		return nil, fmt.Errorf("decode Envoy's clusters: %w", err)
	}
	out := map[string]Cluster{}
	for _, config := range dump.Configs {
		name, _ := config.Cluster["name"].(string)
		out[name] = config.Cluster
	}
	return out, nil
}

// RouteCluster returns the cluster of a route's backend: the renamed one if a policy renamed it.
func (a Admin) RouteCluster(ctx context.Context, route string) (Cluster, error) {
	clusters, err := a.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	own := "httproute/default/" + route + "/"
	for _, name := range slices.Sorted(maps.Keys(clusters)) { // egraft/… comes first
		if strings.HasPrefix(name, own) || strings.HasPrefix(name, "egraft/") && strings.Contains(name, "/"+own) {
			return clusters[name], nil
		}
	}
	return nil, fmt.Errorf("Envoy has no cluster for route %s", route)
}

// DomainClusters returns the clusters of the routes of each domain, in the order of the routes.
func (a Admin) DomainClusters(ctx context.Context) (map[string][]string, error) {
	page, err := a(ctx, "/config_dump?resource=dynamic_route_configs")
	if err != nil {
		return nil, err
	}
	var dump struct {
		Configs []struct {
			RouteConfig struct {
				VirtualHosts []struct {
					Domains []string `json:"domains"`
					Routes  []struct {
						Route struct {
							Cluster string `json:"cluster"`
						} `json:"route"`
					} `json:"routes"`
				} `json:"virtual_hosts"`
			} `json:"route_config"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(page, &dump); err != nil {
		return nil, fmt.Errorf("decode Envoy's route configurations: %w", err)
	}
	out := map[string][]string{}
	for _, config := range dump.Configs {
		for _, host := range config.RouteConfig.VirtualHosts {
			for _, domain := range host.Domains {
				for _, route := range host.Routes {
					out[domain] = append(out[domain], route.Route.Cluster)
				}
			}
		}
	}
	return out, nil
}

// Stat returns the sum of Envoy's counters and gauges whose names match a regular expression.
func (a Admin) Stat(ctx context.Context, filter string) (int, error) {
	page, err := a(ctx, "/stats?filter="+filter)
	if err != nil {
		return 0, err
	}
	sum := 0
	for line := range strings.Lines(string(page)) {
		_, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if n, err := strconv.Atoi(value); err == nil {
			sum += n
		}
	}
	return sum, nil
}

// WaitSettled waits until no cluster is warming.
func (a Admin) WaitSettled(ctx context.Context) error {
	return process.Poll(ctx, "clusters to be warm", func(ctx context.Context) error {
		n, err := a.Stat(ctx, "^cluster_manager.warming_clusters$")
		if err == nil && n > 0 {
			err = fmt.Errorf("%d clusters warm", n)
		}
		return err
	})
}
