package builder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// The parts of CycloneDX in the bill of materials of a Go program.
// https://cyclonedx.org/docs/1.6/json/
type (
	bill struct {
		Schema       string       `json:"$schema"`
		Format       string       `json:"bomFormat"`
		SpecVersion  string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Timestamp string    `json:"timestamp"`
		Component component `json:"component"`
	}
	component struct {
		Ref     string `json:"bom-ref"`
		Type    string `json:"type"`
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
		PURL    string `json:"purl"`
	}
	dependency struct {
		Ref  string   `json:"ref"`
		Deps []string `json:"dependsOn,omitempty"`
	}
)

// writeBills writes the bill of materials of each program next to it.
func (b *Build) writeBills(ctx context.Context) error {
	for _, p := range b.Platforms {
		program := b.program(p)
		text, err := b.billOf(ctx, program)
		if err != nil {
			return err
		}
		if err := os.WriteFile(billFile(program), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// billOf lists the modules that a program was built from, as the Go command reads them from the program.
func (b *Build) billOf(ctx context.Context, program string) ([]byte, error) {
	text, err := b.Go.output(ctx, "", nil, "version", "-m", "-json", program)
	if err != nil {
		return nil, err
	}
	var info debug.BuildInfo
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("read the build information of %s: %w", program, err)
	}
	return marshal(newBill(&info, epoch(b.Environ)))
}

func marshal(b *bill) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(b)
	return out.Bytes(), err
}

// newBill returns a bill of materials without a serial number, so that the same program has the same bill.
func newBill(info *debug.BuildInfo, created time.Time) *bill {
	program := newComponent(&info.Main, "application")
	std := &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
	out := &bill{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6", Version: 1,
		Metadata:   metadata{created.Format(time.RFC3339), program},
		Components: []component{newComponent(std, "library")},
	}
	for _, m := range info.Deps {
		out.Components = append(out.Components, newComponent(m, "library"))
	}
	of := dependency{Ref: program.Ref}
	for _, c := range out.Components {
		of.Deps = append(of.Deps, c.Ref)
	}
	out.Dependencies = []dependency{of}
	return out
}

// newComponent describes a module as it was built: a replacement is named instead of the required
// module, and a directory has no version.
func newComponent(m *debug.Module, kind string) component {
	version := m.Version
	if r := m.Replace; r != nil && r.Version != "" {
		m, version = r, r.Version
	} else if r != nil {
		version = "(devel)"
	}
	purl := "pkg:golang/" + m.Path
	if version != "" && version != "(devel)" {
		purl += "@" + strings.ReplaceAll(version, "+", "%2B")
	}
	purl += "?type=module"
	return component{purl, kind, m.Path, version, purl}
}
