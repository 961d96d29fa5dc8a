package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/egraft/egraft/internal/version"
)

// FeatureModule is a feature that is not built in, and the module that it comes from.
type FeatureModule struct {
	Name   string
	Module version.ModuleVersion
}

// featureInfo returns a series for each feature that is not built in.
func featureInfo(features []FeatureModule) prometheus.Collector {
	g := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "egraft_feature_info", Help: "Always 1; the labels name the module of each feature that is not built in.",
	}, []string{"feature", "module", "version"})
	for _, f := range features {
		g.WithLabelValues(f.Name, f.Module.Path, f.Module.Version).Set(1)
	}
	return g
}
