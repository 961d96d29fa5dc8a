// Package component has the kustomize component that adds egraft to Envoy Gateway's pod, so that a
// program can print it for what is in it.
package component

import "embed"

//go:embed *.yaml
var files embed.FS

// Files returns the kustomization, and the patch with the sidecar.
func Files() (kustomization, sidecar string, err error) {
	k, err := files.ReadFile("kustomization.yaml")
	if err != nil {
		return "", "", err
	}
	s, err := files.ReadFile("sidecar.yaml")
	return string(k), string(s), err
}
