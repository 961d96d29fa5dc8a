package config

import (
	"maps"
	"slices"

	"github.com/spf13/pflag"

	"github.com/egraft/egraft/pkg/setting"
)

// ConfigFlag is the flag that names the file; it is in the environment as well, and of
// course not in the file.
const ConfigFlag = "config"

// Flags are the flags of a command line. They take any text: what is wrong with it is
// told by [Load], together with everything else that is wrong.
type Flags struct{ given map[string]string }

// AddFlags adds a flag for the file and one for each setting, those of features last. With
// names, the flags of other settings are hidden: they work but are not in the help text.
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

// Args are the settings that were given as flags, by flag, as texts that a flag takes again.
func (f *Flags) Args() map[string]string { return maps.Clone(f.given) }

// flag remembers the text of a flag that was given.
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

// String implements pflag.Value; the help text takes it for the default.
func (f *flag) String() string { return f.setting.Default }

// Type implements pflag.Value.
func (f *flag) Type() string { return f.setting.Type }
