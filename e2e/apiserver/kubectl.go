package apiserver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"github.com/egraft/egraft/e2e/process"
)

// Kubectl runs kubectl as one user.
type Kubectl struct {
	Program, Kubeconfig string
}

// Run runs a command and returns its output. The error contains stderr.
func (k Kubectl) Run(ctx context.Context, arguments ...string) (string, error) {
	return k.RunWith(ctx, nil, arguments...)
}

// RunWith is [Kubectl.Run] with input.
func (k Kubectl) RunWith(ctx context.Context, input io.Reader, arguments ...string) (string, error) {
	cmd := exec.CommandContext(ctx, k.Program, arguments...)
	cmd.Env = append(process.Environ(), "KUBECONFIG="+k.Kubeconfig)
	var out, problem bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = input, &out, &problem
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("kubectl %s: %w\n%s", strings.Join(arguments, " "), err, bytes.TrimSpace(problem.Bytes()))
	}
	return out.String(), nil
}

// Apply applies manifests, server-side. Fields that the API does not know are
// errors.
func (k Kubectl) Apply(ctx context.Context, manifests string, arguments ...string) error {
	arguments = append([]string{"apply", "--server-side", "--force-conflicts", "--validate=strict", "--filename", "-"}, arguments...)
	_, err := k.RunWith(ctx, strings.NewReader(manifests), arguments...)
	return err
}
