package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// PackageChart writes Envoy Gateway's chart as it is released, out of Envoy
// Gateway's module, which the go command has checked.
func PackageChart(ctx context.Context, helm, file string) error {
	listed, err := exec.CommandContext(ctx, "go", "mod", "download", "-json", "github.com/envoyproxy/gateway@"+GatewayVersion).Output()
	if err != nil {
		return fmt.Errorf("download the module of Envoy Gateway: %w\n%s", err, listed)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(listed, &module); err != nil {
		return fmt.Errorf("find the module of Envoy Gateway: %w", err)
	}
	work, err := os.MkdirTemp("", "egraft-chart-")
	if err != nil {
		return fmt.Errorf("make a directory for the chart: %w", err)
	}
	defer os.RemoveAll(work)
	chart := filepath.Join(work, "gateway-helm")
	if err := os.CopyFS(chart, os.DirFS(filepath.Join(module.Dir, "charts", "gateway-helm"))); err != nil {
		return fmt.Errorf("copy the chart: %w", err)
	}
	template, err := os.ReadFile(filepath.Join(chart, "values.tmpl.yaml"))
	if err != nil {
		return fmt.Errorf("read the values of the chart: %w", err)
	}
	values := strings.NewReplacer("${GatewayImage}", "docker.io/envoyproxy/gateway:"+GatewayVersion, "${GatewayImagePullPolicy}", "IfNotPresent").Replace(string(template))
	if err := os.WriteFile(filepath.Join(chart, "values.yaml"), []byte(values), 0o644); err != nil {
		return fmt.Errorf("write the values of the chart: %w", err)
	}
	cmd := exec.CommandContext(ctx, helm, "package", chart, "--version", GatewayVersion, "--app-version", GatewayVersion, "--destination", work)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm package: %w\n%s", err, out)
	}
	return os.Rename(filepath.Join(work, "gateway-helm-"+GatewayVersion+".tgz"), file)
}
