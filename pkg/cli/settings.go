package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/config"
	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
)

// settings are the settings of a command together with the features that they enable.
type settings struct {
	*config.Config
	features []mutator.Feature
}

// load reads the settings and reports every invalid one.
func (p *program) load(flags *config.Flags) (*settings, error) {
	declared := p.declare()
	cfg, errs := config.Load(config.Sources{Flags: flags, Environ: p.environ, Sections: sections(declared)})
	features := p.features(catalog.Options{
		EDSInitialFetchTimeout:   cfg.EDSInitialFetchTimeout,
		FastClusterUpdates:       cfg.FastClusterUpdates,
		IncludeAttemptCount:      cfg.IncludeAttemptCount,
		AllowSpecialDestinations: cfg.AllowSpecialDestinations,
		MaxBufferBytes:           cfg.MaxBufferBytes.Value(),
	})
	own, wrong := made(cfg, declared)
	if len(errs) == 0 { // otherwise an unreadable value may be the cause
		errs = wrong
	}
	all, err := mutator.Order(append(p.features(catalog.Everything()), own...))
	if err != nil {
		return nil, failed(fmt.Errorf("order features: %w", err))
	}
	errs = append(errs, unknownFeatures(cfg, all)...)
	errs = append(errs, cfg.NamespaceRules.ValidateKinds(field.NewPath(cfg.NameOf("namespace-rules")), kindsOf(all))...)
	if len(errs) > 0 {
		return nil, settingsError(errs)
	}
	running := enabled(cfg, inOrder(append(features, own...), all))
	return &settings{cfg, catalog.Restrict(running, cfg.Restrictions())}, nil
}

// inOrder sorts the enabled features in the order of all features.
func inOrder(features, all []mutator.Feature) []mutator.Feature {
	at := map[string]int{}
	for i := range all {
		at[all[i].Name] = i
	}
	slices.SortStableFunc(features, func(a, b mutator.Feature) int { return cmp.Compare(at[a.Name], at[b.Name]) })
	return features
}

// kindsOf returns the kinds of custom resources that features read, as rules name them.
func kindsOf(features []mutator.Feature) (out []string) {
	for i := range features {
		f := &features[i]
		for _, k := range slices.Concat(f.Policies, f.Filters, f.Backends) {
			if name := tenancy.KindName(k.GroupVersionKind); !slices.Contains(out, name) {
				out = append(out, name)
			}
		}
	}
	return out
}

// unknownFeatures reports names of features that do not exist, whether enabled or not.
func unknownFeatures(cfg *config.Config, features []mutator.Feature) (errs field.ErrorList) {
	var known []string
	for i := range features {
		known = append(known, features[i].Name)
	}
	check := func(setting, name string) {
		if !slices.Contains(known, name) {
			errs = append(errs, field.NotSupported(field.NewPath(setting), name, known))
		}
	}
	for _, name := range cfg.DisabledFeatures {
		check(cfg.NameOf("disable-features"), name)
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.FailurePolicies)) {
		check(cfg.NameOf("failure-policy"), name)
	}
	return errs
}

// enabled returns the enabled features, with their failure policies.
func enabled(cfg *config.Config, features []mutator.Feature) []mutator.Feature {
	var out []mutator.Feature
	for _, f := range features {
		if slices.Contains(cfg.DisabledFeatures, f.Name) {
			continue
		}
		if policy, ok := cfg.FailurePolicies[f.Name]; ok {
			f.FailurePolicy = policy
		}
		out = append(out, f)
	}
	return out
}

// settingsError prints one error per line.
type settingsError field.ErrorList

// Error implements error.
func (e settingsError) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	lines := []string{fmt.Sprintf("%d settings are invalid:", len(e))}
	for _, err := range e {
		lines = append(lines, "  "+err.Error())
	}
	return strings.Join(lines, "\n")
}
