// Package scaffold generates the files of a new Go module with a feature for egraft: a custom
// resource, its CRD, the feature, cases of the conformance kit, and a program.
//
// It returns texts, and must not write files or run programs.
package scaffold

import (
	"embed"
	"fmt"
	"path"
	"strings"

	"sigs.k8s.io/yaml"
)

// The templates, with placeholders between at signs. Their names end in .txt, so that Go does not
// treat them as packages.
//
//go:embed templates
var templates embed.FS

// File is a file with its path in the module.
type File struct{ Path, Text string }

// Module describes the module to generate.
type Module struct {
	// Kind is policy or filter.
	Kind string
	// Name is the name of the feature, and Path the module path.
	Name, Path string
	// Group is the API group of the custom resource.
	Group string
	// Egraft is the version of egraft, Replace a directory to use instead of it, and Go the version
	// of the language.
	Egraft, Replace, Go string
}

// Package returns the name of the Go package.
func (m *Module) Package() string { return strings.ReplaceAll(m.Name, "-", "") }

// KindName returns the kind of the custom resource.
func (m *Module) KindName() string {
	out := ""
	for _, word := range strings.Split(m.Name+"-"+m.Kind, "-") {
		out += strings.ToUpper(word[:1]) + word[1:]
	}
	return out
}

// plural returns the plural name of the custom resource in the API.
func (m *Module) plural() string {
	if stem, found := strings.CutSuffix(strings.ToLower(m.KindName()), "y"); found {
		return stem + "ies"
	}
	return strings.ToLower(m.KindName()) + "s"
}

// Files returns the files of the module.
func (m *Module) Files() ([]File, error) {
	words := strings.NewReplacer(
		"@KIND@", m.KindName(), "@KINDLOWER@", strings.ToLower(m.KindName()), "@PLURAL@", m.plural(), "@PACKAGE@", m.Package(), "@MODULE@", m.Path, "@GROUP@", m.Group,
		"@NAME@", m.Name, "@GOVERSION@", m.Go, "@EGRAFTVERSION@", m.Egraft,
	)
	var out []File
	for _, directory := range []string{"common", m.Kind, m.Kind + "/testdata"} {
		entries, err := templates.ReadDir("templates/" + directory)
		if err != nil {
			return nil, fmt.Errorf("read templates: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() {
				continue
			}
			text, err := templates.ReadFile(path.Join("templates", directory, e.Name()))
			if err != nil {
				return nil, fmt.Errorf("read templates: %w", err)
			}
			f, err := m.file(path.Base(directory), strings.TrimSuffix(e.Name(), ".txt"), words.Replace(string(text)))
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
	}
	return out, nil
}

// file returns a template at its path in the module, formatted as the tools that generate such files do.
func (m *Module) file(directory, name, text string) (File, error) {
	switch {
	case directory == "testdata":
		words := strings.SplitN(name, ".", 2)
		f := File{"testdata/" + words[0] + "/" + words[1], text}
		if words[1] != "out.yaml" {
			return f, nil
		}
		return formatted(f, "")
	case name == "crd.yaml":
		return formatted(File{m.Group + "_" + m.plural() + ".yaml", text}, "---\n")
	case name == "main.go":
		return File{"cmd/egraft/main.go", text}, nil
	case name == "ci.yml":
		return File{".github/workflows/test.yml", text}, nil
	case name == "gitignore":
		return File{".gitignore", text}, nil
	case name == "go.mod" && m.Replace != "":
		return File{name, text + fmt.Sprintf("\nreplace github.com/egraft/egraft => %q\n", m.Replace)}, nil
	case name == "build.yaml" && m.Replace != "":
		return File{name, text + fmt.Sprintf("egraft: %q\n", m.Replace)}, nil
	default:
		return File{strings.Replace(name, "feature", m.Package(), 1), text}, nil
	}
}

// formatted formats YAML as the conformance kit and controller-gen do: line breaks depend on the names.
func formatted(f File, before string) (File, error) {
	var content any
	if err := yaml.Unmarshal([]byte(f.Text), &content); err != nil {
		return f, fmt.Errorf("read the template of %s: %w", f.Path, err)
	}
	text, err := yaml.Marshal(content)
	f.Text = before + string(text)
	return f, err
}
