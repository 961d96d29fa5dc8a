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

// declared is a feature that is not built in, with settings that nothing else changes.
type declared struct {
	feature.Declaration
	name string
}

// declare declares the settings of all features anew.
func (p *program) declare() (out []declared) {
	for _, f := range p.features {
		out = append(out, declared{f.Declare(), f.Name()})
	}
	return out
}

func sections(features []declared) (out []config.Section) {
	for _, f := range features {
		out = append(out, config.Section{Feature: f.name, Settings: f.Settings})
	}
	return out
}

// addFlags adds the flags of all settings to a command. With names, the help text has only
// these.
func (p *program) addFlags(cmd *cobra.Command, names ...string) *config.Flags {
	return config.AddFlags(cmd.Flags(), sections(p.declare()), names...)
}

// made makes the families of features after their settings were read. One that cannot be made
// has only a name; that is no error if it is disabled.
func made(cfg *config.Config, features []declared) (families []mutator.Family, errs field.ErrorList) {
	for _, f := range features {
		family, err := f.Family()
		if err != nil {
			family = mutator.Family{Name: f.name}
			if !slices.Contains(cfg.DisabledMutators, f.name) {
				at := field.NewPath(config.SectionField(f.name))
				errs = append(errs, field.Invalid(at, field.OmitValueType{}, err.Error()))
			}
		}
		families = append(families, family)
	}
	return families, errs
}

// origins are the features with the modules that they come from.
func (p *program) origins() (out []telemetry.Feature) {
	for _, f := range p.features {
		out = append(out, telemetry.Feature{Name: f.Name(), Module: version.ModuleOf(f.Package())})
	}
	return out
}

// modules has a line for each feature: its name, module and version.
func (p *program) modules() []string {
	out := []string{}
	for _, f := range p.origins() {
		out = append(out, f.Name+" "+f.Module.Path+" "+f.Module.Version)
	}
	return out
}

// ownFlags are the flags of egraft's commands, which no feature can have.
func ownFlags() map[string]string {
	out := map[string]string{"help": "egraft"}
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { out[f.Name] = "egraft" })
		for _, sub := range cmd.Commands() {
			add(sub)
		}
	}
	none := func(catalog.Options) []mutator.Family { return nil }
	add(newRoot(&program{families: none, stdout: io.Discard, stderr: io.Discard}))
	return out
}
