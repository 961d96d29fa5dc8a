package main

import (
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// billVersion is the newest version that the common scanners read.
const billVersion = cdx.SpecVersion1_6

// billOf lists the modules that a Go program was built from, the standard library
// included, as CycloneDX. It has no serial number: the same program has the same bill.
func billOf(info *debug.BuildInfo, created time.Time) ([]byte, error) {
	if info == nil {
		return nil, errors.New("list the modules of the entrypoint: it is not a Go program")
	}
	program := component(&info.Main, cdx.ComponentTypeApplication)
	std := &debug.Module{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}
	components := []cdx.Component{component(std, cdx.ComponentTypeLibrary)}
	refs := []string{components[0].BOMRef}
	for _, m := range info.Deps {
		c := component(m, cdx.ComponentTypeLibrary)
		components, refs = append(components, c), append(refs, c.BOMRef)
	}
	bom := cdx.NewBOM()
	bom.Metadata = &cdx.Metadata{Timestamp: created.Format(time.RFC3339), Component: &program}
	bom.Components = &components
	bom.Dependencies = &[]cdx.Dependency{{Ref: program.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, billVersion)
	return out.Bytes(), err
}

// component describes what was actually built in: the replacement of a replaced module. Licences
// are left out, since a program does not know those of its modules.
func component(m *debug.Module, t cdx.ComponentType) cdx.Component {
	if m.Replace != nil {
		m = m.Replace
	}
	purl := "pkg:golang/" + m.Path
	if m.Version != "" && m.Version != "(devel)" {
		purl += "@" + strings.ReplaceAll(m.Version, "+", "%2B")
	}
	purl += "?type=module"
	return cdx.Component{BOMRef: purl, Type: t, Name: m.Path, Version: m.Version, PackageURL: purl}
}

// writeBills writes the bills to files named after program and platform.
func writeBills(s *spec, parts []part) error {
	for _, p := range parts {
		if p.bill == nil {
			continue
		}
		platform := strings.ReplaceAll(p.platform.String(), "/", "-")
		file := filepath.Join(s.bills, path.Base(s.config.Entrypoint[0])+"-"+platform+".cdx.json")
		if err := os.WriteFile(file, p.bill, 0o644); err != nil {
			return fmt.Errorf("write a bill of materials: %w", err)
		}
	}
	return nil
}

// printBill prints the bill of a program that is not in an image, and returns the exit code.
func printBill(program, epoch string, stdout, stderr io.Writer) int {
	bill, err := readBill(program, epoch)
	if err == nil {
		_, err = stdout.Write(bill)
	}
	if err != nil {
		fmt.Fprintf(stderr, "image: %v\n", err)
		return 1
	}
	return 0
}

func readBill(program, epoch string) ([]byte, error) {
	created, err := newTime(epoch)
	if err != nil {
		return nil, err
	}
	info, err := buildinfo.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("list the modules of a program: %w", err)
	}
	return billOf(info, created)
}
