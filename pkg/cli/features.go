package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/mutator"
)

// declared is a feature that is not built in, with its own copy of the settings.
type declared struct {
	feature.Declaration
	name string
}

// declare creates new declarations of the settings of all features.
func (p *program) declare() (out []declared) {
	for _, f := range p.registered {
		out = append(out, declared{f.Declare(), f.Name()})
	}
	return out
}

func sections(declarations []declared) (out []config.Section) {
	for _, f := range declarations {
		out = append(out, config.Section{Feature: f.name, Settings: f.Settings})
	}
	return out
}

// addFlags adds the flags of all settings to a command. If names are given, the help text has only
// these.
func (p *program) addFlags(cmd *cobra.Command, names ...string) *config.Flags {
	return config.AddFlags(cmd.Flags(), sections(p.declare()), names...)
}

// made creates the features after their settings were read. A feature that cannot be created has
// only a name; this is an error unless it is disabled.
func made(cfg *config.Config, declarations []declared) (features []mutator.Feature, errs field.ErrorList) {
	for _, f := range declarations {
		feature, err := f.Feature()
		if err != nil {
			feature = mutator.Feature{Name: f.name}
			if !slices.Contains(cfg.DisabledFeatures, f.name) {
				at := field.NewPath(config.SectionField(f.name))
				errs = append(errs, field.Invalid(at, field.OmitValueType{}, err.Error()))
			}
		}
		features = append(features, feature)
	}
	return features, errs
}

// origins returns the features with their modules.
func (p *program) origins() (out []telemetry.FeatureModule) {
	for _, f := range p.registered {
		out = append(out, telemetry.FeatureModule{Name: f.Name(), Module: version.ModuleOf(f.Package())})
	}
	return out
}

// modules returns a line for each feature: its name, module and version.
func (p *program) modules() []string {
	out := []string{}
	for _, f := range p.origins() {
		out = append(out, f.Name+" "+f.Module.Path+" "+f.Module.Version)
	}
	return out
}

// ownFlags returns the flags of egraft's commands, which no feature can use.
func ownFlags() map[string]string {
	out := map[string]string{"help": "egraft"}
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { out[f.Name] = "egraft" })
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	none := func(catalog.Options) []mutator.Feature { return nil }
	add(newRoot(&program{features: none, stdout: io.Discard, stderr: io.Discard}))
	return out
}
