package config

import (
	"encoding/json"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/setting"
)

// FeaturesField is the field of the file with a section for each feature that has settings.
const FeaturesField = "features"

// Section is the settings of a feature. For example, the setting max-age of the feature cache is
// the flag --cache-max-age, the variable EGRAFT_CACHE_MAX_AGE and the field features.cache.maxAge.
type Section struct {
	Feature string
	// Settings must have their default values before [Load].
	Settings []setting.Setting
}

// Flag returns the name of the setting's flag, without leading dashes.
func (s Section) Flag(name string) string { return s.Feature + "-" + name }

// SectionField returns the name of a feature's section in the file, for messages.
func SectionField(feature string) string { return FeaturesField + "." + feature }

// entries returns the settings of all sections.
func entries(sections []Section) (out []entry) {
	for _, section := range sections {
		for _, s := range section.Settings {
			out = append(out, entry{section.Flag(s.Name), s.Value, s.Help})
		}
	}
	return out
}

// features reads the sections of the file.
func (l *loader) features(fields map[string]json.RawMessage) {
	raw, found := fields[FeaturesField]
	delete(fields, FeaturesField)
	if !found {
		return
	}
	given, err := setting.DecodeAs[map[string]json.RawMessage](raw, "a map of features to their settings")
	if err != nil {
		l.errs = append(l.errs, field.Invalid(field.NewPath(FeaturesField), plain(raw), err.Error()))
		return
	}
	for _, section := range l.sections {
		if raw, ok := given[section.Feature]; ok {
			l.section(section, raw)
			delete(given, section.Feature)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		l.errs = append(l.errs, field.Forbidden(field.NewPath(SectionField(name)), "no feature of this name has settings"))
	}
}

// section reads the section of one feature.
func (l *loader) section(section Section, raw json.RawMessage) {
	at := SectionField(section.Feature)
	given, err := setting.DecodeAs[map[string]json.RawMessage](raw, "a map of settings")
	if err != nil {
		l.errs = append(l.errs, field.Invalid(field.NewPath(at), plain(raw), err.Error()))
		return
	}
	var known []Setting
	for _, s := range section.Settings {
		own := Setting{Flag: s.Name}
		known = append(known, own)
		if raw, ok := given[own.Field()]; ok {
			l.field(entry{section.Flag(s.Name), s.Value, s.Help}, at+"."+own.Field(), raw)
			delete(given, own.Field())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		l.errs = append(l.errs, field.Forbidden(field.NewPath(at+"."+name), "unknown field"+suggestion(name, known)))
	}
}
