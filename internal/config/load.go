package config

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Sources are the sources of settings.
type Sources struct {
	// Flags may be nil.
	Flags *Flags
	// Environ is the environment as os.Environ has it.
	Environ []string
	// Sections are the settings of features. Load sets their values.
	Sections []Section
}

// loader is the state of Load.
type loader struct {
	cfg      *Config
	table    []entry
	sections []Section
	errs     field.ErrorList
}

// Load reads all sources. The configuration is valid if there are no errors. Each error has the
// name by which the setting was set.
func Load(src Sources) (*Config, field.ErrorList) {
	cfg := Default()
	l := &loader{cfg: cfg, table: table(cfg), sections: src.Sections}
	given := map[string]string{}
	if src.Flags != nil {
		given = src.Flags.given
	}
	env := variables(src.Environ)
	l.file(path(given, env))
	l.environment(env)
	l.flags(given)
	l.validate()
	return cfg, l.errs
}

// path returns the path of the file and the source that named it.
func path(given, env map[string]string) (path, from string) {
	if p, ok := given[ConfigFlag]; ok {
		return p, "--" + ConfigFlag
	}
	variable := Setting{Flag: ConfigFlag}.Variable()
	return env[variable], variable
}

// all returns egraft's settings and those of features.
func (l *loader) all() []entry { return append(slices.Clip(l.table), entries(l.sections)...) }

func (l *loader) environment(env map[string]string) {
	for _, s := range l.all() {
		if text, ok := env[s.described().Variable()]; ok {
			l.set(s, s.described().Variable(), text)
		}
	}
}

func (l *loader) flags(given map[string]string) {
	for _, s := range l.all() {
		if text, ok := given[s.flag]; ok {
			l.set(s, "--"+s.flag, text)
		}
	}
}

func (l *loader) set(s entry, from, text string) {
	l.cfg.from[s.flag] = from
	if err := s.value.Set(text); err != nil {
		l.errs = append(l.errs, field.Invalid(field.NewPath(from), text, err.Error()))
	}
}

// UnknownVariables returns variables that look like settings, but are not settings of egraft or a
// feature. They are not errors because Kubernetes sets variables like EGRAFT_SERVICE_HOST for a
// Service.
func UnknownVariables(environ []string, sections []Section) []string {
	settings := append(Settings(), Setting{Flag: ConfigFlag})
	for _, s := range entries(sections) {
		settings = append(settings, s.described())
	}
	var out []string
	for name := range variables(environ) {
		known := func(s Setting) bool { return s.Variable() == name }
		if !slices.ContainsFunc(settings, known) && !fromKubernetes(name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// fromKubernetes reports whether a variable is one of a Service.
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
func fromKubernetes(name string) bool {
	return strings.Contains(name, "_SERVICE_") || strings.Contains(name, "_PORT_") || strings.HasSuffix(name, "_PORT")
}

// variables returns the environment variables with egraft's prefix.
func variables(environ []string) map[string]string {
	out := map[string]string{}
	for _, pair := range environ {
		if name, text, _ := strings.Cut(pair, "="); strings.HasPrefix(name, Prefix) {
			out[name] = text
		}
	}
	return out
}
