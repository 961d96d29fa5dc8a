//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/egraft/egraft/e2e/process"
)

// egraftCommand runs a command of egraft and returns its output.
func (f *fixture) egraftCommand(ctx context.Context, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, f.EgraftProgram(), arguments...)
	cmd.Env = process.Environ()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("egraft %s: %w: %s", strings.Join(arguments, " "), err, out)
	}
	return string(out), nil
}

// value returns the value of a series on a page of metrics.
func value(t *testing.T, page []byte, series string) float64 {
	t.Helper()
	for line := range strings.Lines(string(page)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			number, err := strconv.ParseFloat(text, 64)
			if err != nil {
				t.Fatalf("%s: %v", series, err)
			}
			return number
		}
	}
	t.Errorf("there is no series %s", series)
	return 0
}

// sum returns the sum of all series of a metric with a label.
func sum(page []byte, metric, label string) float64 {
	total := 0.0
	for line := range strings.Lines(string(page)) {
		labels, text, _ := strings.Cut(strings.TrimSpace(line), "} ")
		if strings.HasPrefix(labels, metric+"{") && strings.Contains(labels, label) {
			number, err := strconv.ParseFloat(text, 64)
			if err == nil {
				total += number
			}
		}
	}
	return total
}
