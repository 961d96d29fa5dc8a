package config

import (
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"github.com/egraft/egraft/pkg/setting"
)

// ConfigFlag is the flag that names the file. It is also an environment variable, but not a field
// of the file.
const ConfigFlag = "config"

// Flags are the flags of a command line. They accept any text: [Load] reports all errors together.
type Flags struct{ given map[string]string }

// AddFlags adds a flag for the file and one for each setting, those of features last. If names are
// given, all other flags are hidden: they work, but are not in the help text.
func AddFlags(fs *pflag.FlagSet, sections []Section, names ...string) *Flags {
	f := &Flags{given: map[string]string{}}
	fs.SortFlags = false
	f.add(fs, Setting{Flag: ConfigFlag, Type: "path", Usage: "YAML file with settings"}, "")
	for _, s := range append(table(Default()), entries(sections)...) {
		f.add(fs, Setting{s.flag, s.value.Type(), s.value.String(), s.usage}, s.value.Separator())
		if len(names) > 0 && !slices.Contains(names, s.flag) {
			_ = fs.MarkHidden(s.flag) // fails for flags that do not exist
		}
	}
	return f
}

func (f *Flags) add(fs *pflag.FlagSet, s Setting, separator string) {
	flag := fs.VarPF(&flag{f.given, s, separator}, s.Flag, "", s.Usage)
	if s.Type == setting.BoolKind {
		flag.NoOptDefVal = "true"
	}
}

// Args returns the settings that were given as flags, by flag, as text that the flag accepts.
func (f *Flags) Args() map[string]string { return maps.Clone(f.given) }

// flag stores the text of a flag.
type flag struct {
	given     map[string]string
	setting   Setting
	separator string
}

// Set implements pflag.Value.
func (f *flag) Set(s string) error {
	if before, again := f.given[f.setting.Flag]; again && f.separator != "" {
		s = before + f.separator + s
	}
	f.given[f.setting.Flag] = s
	return nil
}

// String implements pflag.Value; the help text shows it as the default.
func (f *flag) String() string { return f.setting.Default }

// Type implements pflag.Value.
func (f *flag) Type() string { return f.setting.Type }
