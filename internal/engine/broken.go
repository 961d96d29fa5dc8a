package engine

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"

	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
)

// broken returns the faults of the received route configurations: duplicate domains, which Envoy
// rejects, and routes to clusters that are not in the translation. The configurations are passed
// on. It checks only those that differ from the previous call, so that each fault is logged once.
func broken(call *Call, configs []config) (faults []error) {
	var names map[string]bool
	for i := range configs {
		c := &configs[i]
		if !c.isNew() {
			continue
		}
		if found := twice(domainsIn(c.raw)); len(found) > 0 {
			faults = append(faults, fmt.Errorf("received route configuration %q with %s twice, which Envoy rejects; it is passed on", c.name, several("domain", found)))
		}
		if names == nil {
			names = clusterNames(call)
		}
		if len(names) == 0 {
			continue // not included, or lost, which missingClusters reports
		}
		var missing []string
		for _, name := range without(nil, clustersIn(c.raw)) {
			if !names[name] {
				missing = append(missing, name)
			}
		}
		if len(missing) > 0 {
			faults = append(faults, fmt.Errorf("received route configuration %q with routes to %s, not in the translation; it is passed on", c.name, several("cluster", missing)))
		}
	}
	return faults
}

// several describes a list by its first name and the number of others.
func several(what string, names []string) string {
	if len(names) == 1 {
		return fmt.Sprintf("the %s %q", what, names[0])
	}
	return fmt.Sprintf("the %s %q and %d more", what, names[0], len(names)-1)
}

func clusterNames(call *Call) map[string]bool {
	names, shape := map[string]bool{}, wire.FieldNumbersOf((*clusterv3.Cluster)(nil))
	for _, list := range call.Resources {
		if list.Kind == mutator.KindCluster {
			for _, raw := range list.Encoded {
				names[wire.NewView(shape, raw).Name()] = true
			}
		}
	}
	return names
}
