package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
)

// program extracts the program for a platform from its archive.
func (r *release) program(platform string) (*entry, error) {
	archive := r.name(platform + ".tar.gz")
	files, err := r.unpack(archive, r.name(platform))
	if err != nil {
		return nil, err
	}
	program, ok := files["egraft"]
	if _, licensed := files["LICENSE"]; !ok || !licensed || len(files) != 2 {
		return nil, fmt.Errorf("%s does not have the program and its licence, and nothing else", archive)
	}
	return &program, nil
}

// verifyPrograms checks each program, and runs the one for this platform.
func (r *release) verifyPrograms() error {
	var errs []error
	for _, platform := range platforms {
		program, err := r.program(platform)
		if err == nil {
			err = r.verifyProgram(program, platform)
		}
		if err == nil && platform == runtime.GOOS+"_"+runtime.GOARCH {
			err = r.runs(program)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", platform, err))
		}
	}
	return errors.Join(errs...)
}

// verifyProgram checks what the Go command recorded.
func (r *release) verifyProgram(program *entry, platform string) error {
	if program.mode.Perm() != 0o755 {
		return fmt.Errorf("the program has mode %s", program.mode)
	}
	info, err := r.info(bytes.NewReader(program.content))
	if err != nil {
		return err
	}
	if info.Main.Path != module || info.Main.Version != r.version {
		return fmt.Errorf("the program is %s %s, not %s %s", info.Main.Path, info.Main.Version, module, r.version)
	}
	system, architecture, _ := strings.Cut(platform, "_")
	for key, want := range map[string]string{
		"GOOS": system, "GOARCH": architecture, "CGO_ENABLED": "0", "-trimpath": "true", "vcs.revision": r.commit, "vcs.modified": "false",
	} {
		if got := setting(info, key); got != want {
			return fmt.Errorf("the program was built with %s=%s, not %s", key, got, want)
		}
	}
	return nil
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// runs checks that a program runs and prints its version.
func (r *release) runs(program *entry) error {
	dir, err := os.MkdirTemp("", "egraft-release-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "egraft")
	if err := os.WriteFile(file, program.content, 0o700); err != nil {
		return err
	}
	out, err := exec.Command(file, "version").Output()
	if err != nil {
		return fmt.Errorf("egraft version: %w", err)
	}
	if line, _, _ := strings.Cut(string(out), "\n"); line != "egraft "+r.version {
		return fmt.Errorf("egraft version printed %q", line)
	}
	return nil
}

// verifyBills checks that each bill of materials is of this version and lists modules.
func (r *release) verifyBills() error {
	var errs []error
	for _, platform := range platforms {
		name := r.name(platform + ".cdx.json")
		text, err := r.read(name)
		if err == nil {
			err = r.verifyBill(text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *release) verifyBill(text []byte) error {
	type component struct{ Name, Version string }
	var bill struct {
		BOMFormat  string
		Metadata   struct{ Component component }
		Components []component
	}
	if err := json.Unmarshal(text, &bill); err != nil {
		return err
	}
	if bill.BOMFormat != "CycloneDX" || bill.Metadata.Component != (component{module, r.version}) || len(bill.Components) == 0 {
		return fmt.Errorf("it is not a CycloneDX list of the modules of %s %s", module, r.version)
	}
	return nil
}
