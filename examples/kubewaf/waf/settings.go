package waf

import (
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/setting"
)

// Settings are the settings for operators.
type Settings struct {
	// ECDS and Wasm are host:port of the Service of kubeWAF's operator.
	ECDS, Wasm string
}

// Default returns the addresses in kubeWAF's Helm chart.
func Default() Settings {
	const host = "kubewaf-ecds.kubewaf-system.svc.cluster.local"
	return Settings{ECDS: host + ":18001", Wasm: host + ":18002"}
}

// Feature returns the registration that a main function passes to cli.Main.
func Feature() feature.Registration {
	return feature.WithSettings(name, Default(), func(s *Settings) []setting.Setting {
		return []setting.Setting{
			{Name: "ecds", Value: setting.Text(&s.ECDS, "host:port"), Help: "extension configuration of kubeWAF's operator"},
			{Name: "wasm", Value: setting.Text(&s.Wasm, "host:port"), Help: "Wasm modules of kubeWAF's operator"},
		}
	}, New)
}

// Features returns the feature, for builds with features of several modules.
func Features() []feature.Registration { return []feature.Registration{Feature()} }
