package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// verify checks all files.
func (r *release) verify() error {
	if err := r.verifyNames(); err != nil {
		return err
	}
	var errs []error
	for _, check := range []func() error{
		r.verifySums, r.verifyPrograms, r.verifyBills, r.verifyImage, r.verifyManifests, r.verifyCharts, r.verifyProvenance,
	} {
		errs = append(errs, check())
	}
	return errors.Join(errs...)
}

// verifyNames checks that no file is missing and that there are no others.
func (r *release) verifyNames() error {
	wanted := append(r.artifacts(), r.provenanceFile(), sumsFile)
	entries, err := os.ReadDir(r.dir)
	if err != nil {
		return err
	}
	var errs []error
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
		if !slices.Contains(wanted, e.Name()) {
			errs = append(errs, fmt.Errorf("%s is not a file of %s", e.Name(), r.version))
		}
	}
	for _, name := range wanted {
		if !slices.Contains(got, name) {
			errs = append(errs, errors.New(name+" is missing"))
		}
	}
	return errors.Join(errs...)
}

// verifySums checks that each artifact has its checksum, and nothing else has one.
func (r *release) verifySums() error {
	text, err := r.read(sumsFile)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var errs []error
	for _, name := range r.artifacts() {
		sum, err := r.sum(name)
		if err != nil {
			return err
		}
		at := slices.Index(lines, sum+"  "+name)
		if at < 0 {
			errs = append(errs, fmt.Errorf("%s does not have the checksum of %s", sumsFile, name))
			continue
		}
		lines = slices.Delete(lines, at, at+1)
	}
	if len(errs) == 0 && len(lines) > 0 {
		errs = append(errs, fmt.Errorf("%s has more lines: %q", sumsFile, lines))
	}
	return errors.Join(errs...)
}
