package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

type options struct {
	root, records, changelog string
	packages                 []string
	write                    bool
}

// errDiffers means that the API differs from the record.
var errDiffers = errors.New("the exported API is not as recorded")

// record is the API of a package: the recorded one and the current one.
type record struct {
	pkg, file string
	old, now  string
}

// check compares all packages with their records, or writes the records.
func check(o options, out io.Writer) error {
	loaded, err := load(o.root, o.packages)
	if err != nil {
		return err
	}
	records, err := o.read(loaded)
	if err != nil {
		return err
	}
	log, err := os.ReadFile(filepath.Join(o.root, o.changelog))
	if err != nil {
		return fmt.Errorf("read changelog: %w", err)
	}
	var unlisted []string
	differs := false
	for _, r := range records {
		if r.old == r.now {
			continue
		}
		differs = true
		changes, err := loaded.changes(r)
		if err != nil {
			return err
		}
		fmt.Fprint(out, r.describe(changes))
		unlisted = append(unlisted, missing(string(log), r.pkg, changes)...)
	}
	switch {
	case len(unlisted) > 0:
		return fmt.Errorf("%w: list the incompatible changes in %s under Unreleased, then record the API:\n%s", errDiffers, o.changelog, strings.Join(unlisted, "\n"))
	case differs && !o.write:
		return fmt.Errorf("%w: if this is on purpose, run `make api` and commit %s", errDiffers, o.records)
	case differs:
		return o.save(records)
	}
	return nil
}

// read returns the records of packages that are loaded or recorded.
func (o options) read(loaded *module) ([]record, error) {
	byPackage := map[string]record{}
	for path, now := range loaded.apis {
		pkg := strings.TrimPrefix(path, loaded.path+"/")
		byPackage[pkg] = record{pkg: pkg, now: now}
	}
	dir := filepath.Join(o.root, o.records)
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path) // WalkDir's paths are below dir
		pkg := strings.TrimSuffix(filepath.ToSlash(name), ".txt")
		r := byPackage[pkg]
		r.pkg, r.old = pkg, string(text)
		byPackage[pkg] = r
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read records: %w", err)
	}
	var out []record
	for pkg, r := range byPackage {
		r.file = filepath.Join(dir, filepath.FromSlash(pkg)+".txt")
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b record) int { return strings.Compare(a.pkg, b.pkg) })
	return out, nil
}

// save writes the records, and removes those of deleted packages.
func (o options) save(records []record) error {
	for _, r := range records {
		if r.now == "" {
			if err := os.Remove(r.file); err != nil {
				return fmt.Errorf("remove record: %w", err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(r.file), 0o755); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
		if err := os.WriteFile(r.file, []byte(r.now), 0o644); err != nil {
			return fmt.Errorf("write record: %w", err)
		}
	}
	return nil
}
