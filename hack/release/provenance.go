package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// The types of a statement, defined in
// https://github.com/in-toto/attestation/blob/v1.1.0/spec/v1/statement.md and
// https://slsa.dev/spec/v1.0/provenance.
const (
	statementType  = "https://in-toto.io/Statement/v1"
	provenanceType = "https://slsa.dev/provenance/v1"
	buildType      = "https://" + module + "/blob/main/RELEASES.md"
)

// statement describes the build of some files. It is not signed: `cosign attest-blob --statement`
// signs it, and `cosign attest` uses its predicate for the image.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     predicate  `json:"predicate"`
}

// resource is an output or an input of the build.
type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

type predicate struct {
	BuildDefinition buildDefinition `json:"buildDefinition"`
	RunDetails      struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	} `json:"runDetails"`
}

type buildDefinition struct {
	BuildType            string            `json:"buildType"`
	ExternalParameters   map[string]string `json:"externalParameters"`
	InternalParameters   map[string]string `json:"internalParameters"`
	ResolvedDependencies []resource        `json:"resolvedDependencies"`
}

// provenance returns the statement about the files in the directory. It contains no times, so that
// the same build gives the same statement.
func (r *release) provenance() (*statement, error) {
	s := &statement{Type: statementType, PredicateType: provenanceType}
	for _, name := range r.artifacts() {
		sum, err := r.sum(name)
		if err != nil {
			return nil, err
		}
		s.Subject = append(s.Subject, resource{Name: name, Digest: map[string]string{"sha256": sum}})
	}
	tool, err := r.goRelease()
	if err != nil {
		return nil, err
	}
	source := "git+https://" + module + "@refs/tags/" + r.version
	s.Predicate.BuildDefinition = buildDefinition{
		BuildType:            buildType,
		ExternalParameters:   map[string]string{"source": source, "version": r.version, "command": "make release VERSION=" + r.version},
		InternalParameters:   map[string]string{"go": tool},
		ResolvedDependencies: []resource{{URI: source, Digest: map[string]string{"gitCommit": r.commit}}},
	}
	s.Predicate.RunDetails.Builder.ID = r.builder
	return s, nil
}

// goRelease returns the version of Go that compiled the program for Linux.
func (r *release) goRelease() (string, error) {
	program, err := r.program("linux_amd64")
	if err != nil {
		return "", err
	}
	info, err := r.info(bytes.NewReader(program.content))
	if err != nil {
		return "", fmt.Errorf("read how the program was built: %w", err)
	}
	return info.GoVersion, nil
}

func (r *release) writeProvenance() error {
	s, err := r.provenance()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.dir, r.provenanceFile()), append(text, '\n'), 0o644)
}

// verifyProvenance checks that the statement is about these files.
func (r *release) verifyProvenance() error {
	text, err := r.read(r.provenanceFile())
	if err != nil {
		return err
	}
	got := &statement{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(got); err != nil {
		return fmt.Errorf("%s: %w", r.provenanceFile(), err)
	}
	same := *r
	same.builder = got.Predicate.RunDetails.Builder.ID
	want, err := same.provenance()
	if err != nil {
		return err
	}
	wanted, err := json.Marshal(want)
	if err != nil {
		return err
	}
	written, err := json.Marshal(got)
	if err == nil && (same.builder == "" || !bytes.Equal(wanted, written)) {
		err = fmt.Errorf("%s is not about these files, this version and this commit", r.provenanceFile())
	}
	return err
}
