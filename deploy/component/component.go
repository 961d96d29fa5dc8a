// Package component has the kustomize component that adds egraft to Envoy Gateway's pod, for
// programs that print a component for their own build.
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
