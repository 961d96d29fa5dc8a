// Package crds has the CRDs of egraft's custom resources, so that a running egraft can compare them
// with those of a cluster.
package crds

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"

	"sigs.k8s.io/yaml"
)

//go:embed egraft.io_*.yaml
var files embed.FS

// Texts returns the CRDs in YAML, in the order of their files.
func Texts() (out [][]byte, err error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("read CRDs: %w", err)
	}
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read CRD: %w", err)
		}
		out = append(out, text)
	}
	return out, nil
}

// document is the part of a CRD that concerns its schemas.
type document struct {
	Metadata struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Versions []struct {
			Name   string `json:"name"`
			Served bool   `json:"served"`
			Schema any    `json:"schema"` // decoding gives all numbers the same type
		} `json:"versions"`
	} `json:"spec"`
}

// documentOf reads a CRD, which is any Go value that marshals to its JSON.
func documentOf(crd any) (*document, error) {
	text, err := json.Marshal(crd)
	if err != nil {
		return nil, err
	}
	out := &document{}
	return out, json.Unmarshal(text, out)
}

// embedded returns the CRDs of this program.
func embedded() (out []*document, err error) {
	texts, err := Texts()
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		d := &document{}
		if err := yaml.Unmarshal(text, d); err != nil {
			return nil, fmt.Errorf("read CRD: %w", err)
		}
		out = append(out, d)
	}
	return out, nil
}

// Schemas returns the hashes of the schemas of all CRDs, by the CRD's name and version, such as
// backendmtlspolicies.egraft.io/v1alpha1.
func Schemas() (map[string]string, error) {
	all, err := embedded()
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, d := range all {
		of, err := d.hashes()
		if err != nil {
			return nil, fmt.Errorf("read CRD: %w", err)
		}
		maps.Copy(out, of)
	}
	return out, nil
}

// SchemasOf returns the hashes for one CRD, which is any Go value that marshals to its JSON.
func SchemasOf(crd any) (map[string]string, error) {
	d, err := documentOf(crd)
	if err != nil {
		return nil, err
	}
	return d.hashes()
}

// hashes returns the hashes of the schemas of served versions.
func (d *document) hashes() (map[string]string, error) {
	out := map[string]string{}
	for _, v := range d.Spec.Versions {
		if !v.Served {
			continue
		}
		text, err := json.Marshal(v.Schema)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		out[d.Metadata.Name+"/"+v.Name] = hex.EncodeToString(sum[:8])
	}
	return out, nil
}
