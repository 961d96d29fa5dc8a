// Package crds has the CRDs of egraft's custom resources, so that a running egraft can tell whether
// a cluster has the same ones.
package crds

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"sigs.k8s.io/yaml"
)

//go:embed egraft.io_*.yaml
var files embed.FS

// Schemas are hashes of the schemas of all CRDs, by the CRD's name and version, as
// backendmtlspolicies.egraft.io/v1alpha1.
func Schemas() (map[string]string, error) {
	entries, err := files.ReadDir(".")
	if err != nil {
		return nil, fmt.Errorf("read CRDs: %w", err)
	}
	out := map[string]string{}
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read CRD: %w", err)
		}
		var crd any
		if err := yaml.Unmarshal(text, &crd); err != nil {
			return nil, fmt.Errorf("read CRD %s: %w", e.Name(), err)
		}
		of, err := SchemasOf(crd)
		if err != nil {
			return nil, fmt.Errorf("read CRD %s: %w", e.Name(), err)
		}
		for name, hash := range of {
			out[name] = hash
		}
	}
	return out, nil
}

// SchemasOf are those of the versions of one CRD, which is a JSON object from wherever it comes.
func SchemasOf(crd any) (map[string]string, error) {
	text, err := json.Marshal(crd)
	if err != nil {
		return nil, err
	}
	var c struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Spec struct {
			Versions []struct {
				Name   string `json:"name"`
				Served bool   `json:"served"`
				Schema any    `json:"schema"` // numbers become the same, whatever they were
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, v := range c.Spec.Versions {
		if !v.Served {
			continue
		}
		text, err := json.Marshal(v.Schema)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(text)
		out[c.Metadata.Name+"/"+v.Name] = hex.EncodeToString(sum[:8])
	}
	return out, nil
}
