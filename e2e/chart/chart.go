// Package chart renders Envoy Gateway's chart with egraft in the ways that deploy/README.md offers,
// with the programs that users have: helm and kubectl.
//
// It reads the repository and writes to its own directory. It must not contact an API server.
package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/envoyproxy/gateway"

// Releases returns the releases of Envoy Gateway whose charts the component supports, from old to
// new.
func Releases() []string { return []string{"v1.5.0", "v1.7.0", "v1.8.0", "v1.9.0", "v1.9.1"} }

// Prepare copies the chart of a release from Envoy Gateway's Go module to a directory that does not
// exist yet, with the values of the release.
func Prepare(ctx context.Context, release, dir string) error {
	source, err := download(ctx, release)
	if err != nil {
		return fmt.Errorf("obtain the chart of Envoy Gateway %s: %w", release, err)
	}
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(source, "charts", "gateway-helm"))); err != nil {
		return fmt.Errorf("copy the chart of Envoy Gateway %s: %w", release, err)
	}
	template, err := os.ReadFile(filepath.Join(dir, "values.tmpl.yaml"))
	if err != nil {
		return fmt.Errorf("make values for the chart of Envoy Gateway %s: %w", release, err)
	}
	values := strings.NewReplacer(
		"${GatewayImage}", "docker.io/envoyproxy/gateway:"+release, "${GatewayImagePullPolicy}", "IfNotPresent",
	).Replace(string(template))
	if err := os.WriteFile(filepath.Join(dir, "values.yaml"), []byte(values), 0o644); err != nil {
		return fmt.Errorf("make values for the chart of Envoy Gateway %s: %w", release, err)
	}
	return nil
}

// download returns the directory of Envoy Gateway's module.
func download(ctx context.Context, release string) (string, error) {
	out, err := output(exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+release))
	var answer struct{ Dir, Error string }
	if decodeErr := json.Unmarshal(out, &answer); decodeErr == nil && answer.Error != "" {
		return "", errors.New(answer.Error)
	}
	return answer.Dir, err
}

// output returns a command's output, or an error with its stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", filepath.Base(cmd.Path), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return out, err
}
