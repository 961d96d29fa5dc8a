package manifest

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/egraft/egraft/deploy/component"
	"github.com/egraft/egraft/internal/version"
)

// Sidecar is egraft in Envoy Gateway's pod.
type Sidecar struct {
	// Image is the reference of the image, and Program the path of the program in it.
	Image, Program string
	// Args are further arguments of serve, such as --max-peers=10.
	Args []string
	// Values are values for Envoy Gateway's chart, and ConfigMap has the same settings for users
	// without the chart.
	Values, ConfigMap string
	// Namespace is Envoy Gateway's namespace.
	Namespace string
}

// Texts in the component's files that are replaced.
const (
	componentImage    = version.Image + ":" + version.Release
	componentProgram  = "[/egraft, "
	componentArgs     = "            - serve\n"
	componentRBAC     = "  - ../rbac\n"
	componentImages   = "# Name your registry here"
	componentPatch    = "# The permissions are for"
	componentWays     = " file\n# (../chart), Helm's post-renderer (../helm), or"
	configurationFile = "envoy-gateway-config.yaml"
	valuesFile        = "values.yaml"
	// configurationPatch is for users whose Envoy Gateway has no other settings.
	configurationPatch = `  # Envoy Gateway's settings, if you do not give ` + valuesFile + ` to its chart. This replaces those that its
  # ConfigMap has.
  # - path: ` + configurationFile + `
  #   target:
  #     kind: ConfigMap
  #     name: envoy-gateway-config
`
)

// Overlay returns a kustomize component that adds a sidecar to Envoy Gateway, with its permissions.
func (b *Build) Overlay(s *Sidecar) ([]File, error) {
	kustomization, sidecar, err := component.Files()
	if err != nil {
		return nil, fmt.Errorf("read the component: %w", err)
	}
	if sidecar, err = s.sidecar(sidecar); err != nil {
		return nil, err
	}
	if kustomization, err = s.component(kustomization); err != nil {
		return nil, err
	}
	out := []File{
		{"kustomization.yaml", kustomization},
		{"sidecar.yaml", sidecar},
		{valuesFile, s.Values},
		{configurationFile, s.ConfigMap},
	}
	for _, f := range b.RBAC(s.Namespace) {
		out = append(out, File{path.Join("rbac", f.Path), f.Text})
	}
	return out, nil
}

func (s *Sidecar) sidecar(text string) (string, error) {
	args := componentArgs
	for _, a := range s.Args {
		args += fmt.Sprintf("            - %q\n", a)
	}
	return replace(text, [][2]string{
		{componentImage, s.Image}, {componentProgram, "[" + s.Program + ", "}, {componentArgs, args},
	})
}

// component removes the image from the component: the patch has the whole reference.
func (s *Sidecar) component(text string) (string, error) {
	text, images, found := strings.Cut(text, componentImages)
	if !found || strings.Count(images, ":\n") != 1 {
		return "", errors.New("the component does not end with its images")
	}
	return replace(text, [][2]string{{componentWays, " file,\n# Helm's post-renderer, or"}, {componentRBAC, "  - rbac\n"}, {componentPatch, configurationPatch + componentPatch}})
}

// replace replaces texts, each of which must be present.
func replace(text string, pairs [][2]string) (string, error) {
	for _, p := range pairs {
		if !strings.Contains(text, p[0]) {
			return "", fmt.Errorf("the component has no %q", p[0])
		}
		text = strings.ReplaceAll(text, p[0], p[1])
	}
	return text, nil
}
