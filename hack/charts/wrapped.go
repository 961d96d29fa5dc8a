package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/kustomize/kyaml/yaml/merge2"

	"github.com/egraft/egraft/e2e/chart"
	"github.com/egraft/egraft/e2e/cluster"
)

// wrappedChart is the name of Envoy Gateway's chart with egraft in it.
const wrappedChart = "gateway-helm-egraft"

// Files of Envoy Gateway's chart that this program changes, and files that it adds.
const (
	gatewayDeployment = "templates/envoy-gateway-deployment.yaml"
	egraftTemplate    = "templates/egraft.yaml"
	sidecarTemplate   = "templates/_egraft.tpl"
)

// writeWrapped copies Envoy Gateway's chart and adds egraft: one line in the template of the Deployment,
// templates of its own, and values. All of it comes from deploy/component, deploy/rbac and deploy/helm.
func writeWrapped(ctx context.Context, root, version, dir string) error {
	to := filepath.Join(dir, wrappedChart)
	if err := chart.Prepare(ctx, cluster.GatewayVersion, to); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(to, "values.tmpl.yaml")); err != nil {
		return fmt.Errorf("remove the template of values: %w", err)
	}
	if err := copyCRDs(root, to); err != nil {
		return err
	}
	deploy := filepath.Join(root, "deploy")
	sidecar, err := readSidecar(filepath.Join(deploy, "component", "sidecar.yaml"))
	if err != nil {
		return err
	}
	return firstError(
		func() error { return edit(filepath.Join(to, "Chart.yaml"), wrappedHeader(version)) },
		func() error { return edit(filepath.Join(to, gatewayDeployment), withSidecar) },
		func() error { return write(filepath.Join(to, sidecarTemplate), sidecar.template) },
		func() error {
			return write(filepath.Join(to, egraftTemplate), func() (string, error) { return objects(deploy) })
		},
		func() error { return edit(filepath.Join(to, "values.yaml"), sidecar.values(deploy, version)) },
	)
}

// write writes a generated text.
func write(path string, text func() (string, error)) error {
	made, err := text()
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(made), 0o644)
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// wrappedHeader sets the chart's name. Its objects have the labels of Envoy Gateway's chart, see
// values.
func wrappedHeader(version string) func(string) (string, error) {
	return func(text string) (string, error) {
		return replaced(text,
			"name: gateway-helm", "name: "+wrappedChart,
			"description: The Helm chart for Envoy Gateway", "description: Envoy Gateway "+cluster.GatewayVersion+" with egraft as a sidecar",
			"version: v0.0.0-latest", "version: "+strings.TrimPrefix(version, "v"),
			`appVersion: "latest"`, "appVersion: "+cluster.GatewayVersion)
	}
}

func withSidecar(text string) (string, error) {
	return replaced(text, "      containers:", "      {{- include \"egraft.sidecar\" . | nindent 6 }}\n      containers:")
}

// sidecar is what deploy/component adds to the pod of Envoy Gateway.
type sidecar struct {
	container    *yaml.RNode
	volumeMounts *yaml.RNode
	volumes      *yaml.RNode
}

func readSidecar(path string) (*sidecar, error) {
	deployment, err := yaml.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the sidecar: %w", err)
	}
	s := &sidecar{}
	for field, of := range map[**yaml.RNode][]string{
		&s.container:    {"initContainers", "[name=egraft]"},
		&s.volumeMounts: {"containers", "[name=envoy-gateway]", "volumeMounts"},
		&s.volumes:      {"volumes"},
	} {
		*field, err = deployment.Pipe(yaml.Lookup(append([]string{"spec", "template", "spec"}, of...)...))
		if err != nil || *field == nil {
			return nil, fmt.Errorf("the sidecar has no %s: %w", strings.Join(of, "."), err)
		}
	}
	return s, nil
}

// placeholders stand in the container for values of the chart.
var placeholders = map[string]string{
	"image: IMAGE":         "image: {{ .Values.egraft.image.repository }}:{{ .Values.egraft.image.tag }}",
	"- EXTRA_ARGS":         "{{- with .Values.egraft.extraArgs }}\n{{- toYaml . | nindent 2 }}\n{{- end }}",
	"- EXTRA_ENV":          "{{- with .Values.egraft.extraEnv }}\n{{- toYaml . | nindent 2 }}\n{{- end }}",
	"resources: RESOURCES": "resources:\n  {{- toYaml .Values.egraft.resources | nindent 4 }}",
}

// template returns the container, with the values below egraft in place of the placeholders.
func (s *sidecar) template() (string, error) {
	container := s.container.Copy()
	if err := container.PipeE(
		yaml.Tee(yaml.SetField("image", yaml.NewStringRNode("IMAGE"))),
		yaml.Tee(yaml.SetField("resources", yaml.NewStringRNode("RESOURCES"))),
		yaml.Tee(yaml.Lookup("args"), yaml.Append(yaml.NewStringRNode("EXTRA_ARGS").YNode())),
		yaml.Tee(yaml.Lookup("env"), yaml.Append(yaml.NewStringRNode("EXTRA_ENV").YNode())),
	); err != nil {
		return "", fmt.Errorf("make a template of the sidecar: %w", err)
	}
	text, err := container.String()
	if err != nil {
		return "", fmt.Errorf("make a template of the sidecar: %w", err)
	}
	for placeholder, with := range placeholders {
		if text, err = replaced(text, placeholder, with); err != nil {
			return "", fmt.Errorf("make a template of the sidecar: %w", err)
		}
	}
	item := strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ")
	return "{{- define \"egraft.sidecar\" -}}\ninitContainers:\n- " + item + "\n{{- end }}\n", nil
}

// ownValues returns egraft's values, and the name of Envoy Gateway's chart: its Deployments and
// Services select by labels with that name.
func (s *sidecar) ownValues(version string) (string, error) {
	const text = `
nameOverride: gateway-helm
deployment:
  pod:
    extraVolumeMounts: []
    extraVolumes: []
# The sidecar.
egraft:
  image:
    repository: ghcr.io/egraft/egraft
    tag: %s
  # Additional flags of egraft serve.
  extraArgs: []
  # Additional environment variables, as a list of name and value.
  extraEnv: []
  resources: {}
  crds:
    # Install and upgrade egraft's CRDs with the release. They stay when it is uninstalled.
    enabled: true
`
	values, err := yaml.Parse(fmt.Sprintf(text, version))
	if err != nil {
		return "", fmt.Errorf("make values: %w", err)
	}
	resources, err := s.container.Pipe(yaml.Lookup("resources"))
	if err != nil {
		return "", fmt.Errorf("make values: %w", err)
	}
	if err := values.PipeE(
		yaml.Tee(yaml.Lookup("deployment", "pod"), yaml.SetField("extraVolumeMounts", s.volumeMounts)),
		yaml.Tee(yaml.Lookup("deployment", "pod"), yaml.SetField("extraVolumes", s.volumes)),
		yaml.Tee(yaml.Lookup("egraft"), yaml.SetField("resources", resources)),
	); err != nil {
		return "", fmt.Errorf("make values: %w", err)
	}
	return values.String()
}

// objects returns the permissions and the CRDs, as templates.
func objects(deploy string) (string, error) {
	var out strings.Builder
	for _, name := range []string{"envoy-gateway.yaml", "egraft.yaml"} {
		text, err := os.ReadFile(filepath.Join(deploy, "rbac", name))
		if err != nil {
			return "", fmt.Errorf("read permissions: %w", err)
		}
		templated, err := replaced(string(text), "    namespace: envoy-gateway-system", "    namespace: {{ include \"eg.namespace\" . }}")
		if err != nil {
			return "", fmt.Errorf("rbac/%s: %w", name, err)
		}
		out.WriteString(templated + "---\n")
	}
	crds, err := os.ReadFile(filepath.Join(deploy, "charts", ownChart, "templates", "crds.yaml"))
	if err != nil {
		return "", fmt.Errorf("read the template of CRDs: %w", err)
	}
	templated, err := replaced(string(crds), "{{- if .Values.crds.enabled }}", "{{- if .Values.egraft.crds.enabled }}")
	out.WriteString(templated)
	return out.String(), err
}

// values returns Envoy Gateway's values with those of deploy/helm, the volume of the socket, and
// egraft's own.
func (s *sidecar) values(deploy, version string) func(string) (string, error) {
	return func(text string) (string, error) {
		extension, err := os.ReadFile(filepath.Join(deploy, "helm", "values.yaml"))
		if err != nil {
			return "", fmt.Errorf("read the values for egraft: %w", err)
		}
		own, err := s.ownValues(version)
		if err != nil {
			return "", err
		}
		for _, more := range []string{string(extension), own} {
			if text, err = merge2.MergeStrings(more, text, false, yaml.MergeOptions{}); err != nil {
				return "", fmt.Errorf("merge values: %w", err)
			}
		}
		return text, nil
	}
}
