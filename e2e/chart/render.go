package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Renderer renders charts with one release of Helm in a namespace.
type Renderer struct {
	// Helm and Kubectl are paths of the programs.
	Helm, Kubectl string
	// Root is the root of the repository.
	Root string
	// Dir contains Helm's files and the input of kustomize.
	Dir string
	// Namespace is Envoy Gateway's.
	Namespace string
}

// Objects returns the objects in manifests, by "KIND NAMESPACE/NAME". Duplicates are an error.
func Objects(manifests []byte) (map[string]*unstructured.Unstructured, error) {
	out := map[string]*unstructured.Unstructured{}
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifests), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("read manifests: %w", err)
		}
		if object.Object == nil {
			continue
		}
		id := object.GetKind() + " " + object.GetNamespace() + "/" + object.GetName()
		if out[id] != nil {
			return nil, fmt.Errorf("%s is there twice", id)
		}
		out[id] = object
	}
}

// Plain renders the chart with egraft's values, but without egraft.
func (r *Renderer) Plain(ctx context.Context, chart string) ([]byte, error) {
	return r.template(ctx, chart)
}

// PostRendered renders the chart with egraft by the post-renderer, as `helm install` applies it.
func (r *Renderer) PostRendered(ctx context.Context, chart string) ([]byte, error) {
	if err := r.install(ctx); err != nil {
		return nil, err
	}
	return r.template(ctx, chart, "--post-renderer", "egraft")
}

// Kustomized adds egraft to a rendered chart with deploy/chart.
func (r *Renderer) Kustomized(ctx context.Context, plain []byte) ([]byte, error) {
	dir, err := os.MkdirTemp(r.Dir, "deploy-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for kustomize: %w", err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(r.Root, "deploy"))); err != nil {
		return nil, fmt.Errorf("copy the manifests for kustomize: %w", err)
	}
	overlay := filepath.Join(dir, "chart")
	if err := os.WriteFile(filepath.Join(overlay, "envoy-gateway.yaml"), plain, 0o644); err != nil {
		return nil, fmt.Errorf("write the rendered chart: %w", err)
	}
	return output(exec.CommandContext(ctx, r.Kubectl, "kustomize", overlay))
}

// Patched adds egraft to a Deployment with `kubectl patch`.
func (r *Renderer) Patched(ctx context.Context, deployment []byte) ([]byte, error) {
	file := filepath.Join(r.Dir, "deployment.json")
	if err := os.WriteFile(file, deployment, 0o644); err != nil {
		return nil, fmt.Errorf("write the Deployment: %w", err)
	}
	return output(exec.CommandContext(ctx, r.Kubectl, "patch", "--local", "--filename", file, "--output", "json",
		"--patch-file", filepath.Join(r.Root, "deploy", "component", "sidecar.yaml")))
}

// install installs the plug-in, once.
func (r *Renderer) install(ctx context.Context) error {
	if _, err := os.Lstat(filepath.Join(r.Dir, "helm", "plugins", "plugin")); err == nil {
		return nil
	}
	_, err := output(r.helm(ctx, "plugin", "install", filepath.Join(r.Root, "deploy", "helm", "plugin")))
	return err
}

func (r *Renderer) template(ctx context.Context, chart string, more ...string) ([]byte, error) {
	return r.Template(ctx, chart, append([]string{"--values", filepath.Join(r.Root, "deploy", "helm", "values.yaml")}, more...)...)
}

// Template renders a chart with only the given flags of `helm template`.
func (r *Renderer) Template(ctx context.Context, chart string, flags ...string) ([]byte, error) {
	return output(r.helm(ctx, append([]string{"template", "eg", chart, "--namespace", r.Namespace, "--include-crds"}, flags...)...))
}

// helm returns a command that finds kubectl, but no files of the user.
func (r *Renderer) helm(ctx context.Context, arguments ...string) *exec.Cmd {
	files := filepath.Join(r.Dir, "helm")
	cmd := exec.CommandContext(ctx, r.Helm, arguments...)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(r.Kubectl)+string(os.PathListSeparator)+os.Getenv("PATH"),
		"HELM_DATA_HOME="+files, "HELM_CONFIG_HOME="+files, "HELM_CACHE_HOME="+files, "HELM_PLUGINS="+filepath.Join(files, "plugins"))
	return cmd
}
