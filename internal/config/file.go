package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/util/validation/field"
	k8syaml "sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/setting"
)

// APIVersion and Kind identify a settings file.
const (
	APIVersion = "config.egraft.io/v1alpha1"
	Kind       = "EgraftConfiguration"
)

// file reads a file, with a separate error for each invalid field.
func (l *loader) file(path, from string) {
	if path == "" {
		return
	}
	fields, err := read(path)
	if err != nil {
		l.errs = append(l.errs, field.Invalid(field.NewPath(from), path, err.Error()))
		return
	}
	l.identity(fields, "apiVersion", APIVersion)
	l.identity(fields, "kind", Kind)
	for _, s := range l.table {
		name := s.described().Field()
		if raw, ok := fields[name]; ok {
			l.field(s, name, raw)
			delete(fields, name)
		}
	}
	l.features(fields)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		l.errs = append(l.errs, field.Forbidden(field.NewPath(name), "unknown field"+suggestion(name, Settings())))
	}
}

func (l *loader) field(s entry, name string, raw json.RawMessage) {
	l.cfg.from[s.flag] = name
	if err := s.value.Decode(raw); err != nil {
		l.errs = append(l.errs, field.Invalid(field.NewPath(name), plain(raw), err.Error()))
	}
}

func (l *loader) identity(fields map[string]json.RawMessage, name, want string) {
	raw, found := fields[name]
	delete(fields, name)
	switch {
	case !found:
		l.errs = append(l.errs, field.Required(field.NewPath(name), "must be "+want))
	case string(raw) != `"`+want+`"`:
		l.errs = append(l.errs, field.NotSupported(field.NewPath(name), plain(raw), []string{want}))
	}
}

func read(path string) (map[string]json.RawMessage, error) {
	raw, err := os.ReadFile(path)
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		err = p.Err // the message has the path already
	}
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	return parse(raw)
}

// parse returns the fields of a YAML file with one document and no duplicate fields.
func parse(raw []byte) (map[string]json.RawMessage, error) {
	if err := single(raw); err != nil {
		return nil, err
	}
	text, err := k8syaml.YAMLToJSONStrict(raw)
	if err != nil {
		return nil, fmt.Errorf("not YAML: %s", strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\n", ""), "yaml: "))
	}
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &fields); err != nil {
		return nil, errors.New("must be a map of settings")
	}
	return fields, nil
}

// single rejects a second document, which decoders ignore silently. It leaves invalid YAML to them.
func single(raw []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(raw))
	switch first := d.Decode(new(yaml.Node)); {
	case errors.Is(first, io.EOF):
		return errors.New("is empty")
	case first == nil && !errors.Is(d.Decode(new(yaml.Node)), io.EOF):
		return errors.New("has more than one YAML document")
	default:
		return nil
	}
}

// suggestion suggests the setting that was probably meant.
func suggestion(name string, settings []Setting) string {
	for _, s := range settings {
		if strings.EqualFold(s.Field(), name) || s.Flag == name {
			return fmt.Sprintf(", did you mean %q?", s.Field())
		}
	}
	return ""
}

// plain formats a JSON value for an error: strings without their quotes.
func plain(raw json.RawMessage) any {
	if s, err := setting.DecodeAs[string](raw, ""); err == nil {
		return s
	}
	return string(raw)
}
