package survey

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/wiring"
)

// routed returns the policies that target routes.
func routed(ctx context.Context, c *cluster.Cluster, kinds []wiring.Kind, plurals map[wiring.Kind]string) doctor.Fact[[]string] {
	var out []string
	for _, k := range kinds {
		if plurals[k] == "" {
			continue // the kind is not served
		}
		objects, err := c.List(ctx, schema.GroupVersionResource{Group: k.Group, Version: k.Version, Resource: plurals[k]}, "", "")
		if err != nil {
			return unknown[[]string](err)
		}
		for i := range objects {
			if routes, _ := cluster.RouteTargets(&objects[i]); len(routes) > 0 {
				out = append(out, k.Kind+" "+objects[i].GetNamespace()+"/"+objects[i].GetName())
			}
		}
	}
	return doctor.Known(out)
}
