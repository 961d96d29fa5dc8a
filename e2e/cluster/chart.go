package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/egraft/egraft/e2e/chart"
)

// PackageChart packages Envoy Gateway's chart as in a release, from Envoy Gateway's module, which
// the go command has verified.
func PackageChart(ctx context.Context, helm, file string) error {
	work, err := os.MkdirTemp("", "egraft-chart-")
	if err != nil {
		return fmt.Errorf("make a directory for the chart: %w", err)
	}
	defer os.RemoveAll(work)
	directory := filepath.Join(work, "chart")
	if err := chart.Prepare(ctx, GatewayVersion, directory); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, helm, "package", directory, "--version", GatewayVersion, "--app-version", GatewayVersion, "--destination", work)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm package: %w\n%s", err, out)
	}
	return os.Rename(filepath.Join(work, "gateway-helm-"+GatewayVersion+".tgz"), file)
}
