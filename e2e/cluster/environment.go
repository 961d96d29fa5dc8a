// Package cluster is egraft in a Kubernetes cluster, installed with the commands of
// docs/install.md, and an API for tests.
//
// It does not depend on how the cluster was created: package node and e2e/kind.sh create clusters.
package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/page"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

// Programs of this repository that clusters run.
const (
	PauseProgram parts.Name = "pause"
	ImageProgram parts.Name = "image"
)

// GatewayNamespace is the namespace of Envoy Gateway and its Envoys.
const GatewayNamespace = "envoy-gateway-system"

// Options select a cluster.
type Options struct {
	// Name is the kind of cluster, as in the blocks of docs/install.md.
	Name string
	// Root is the root of the repository, and Dir the directory for logs and Helm's files.
	Root, Dir string
	// Kubectl runs as an administrator.
	Kubectl apiserver.Kubectl
	// Path lists the directories in which commands are found.
	Path string
	// Environ is the rest of the environment of commands.
	Environ []string
	// OnNode runs a command on the cluster's node.
	OnNode func(ctx context.Context, command ...string) (string, error)
}

// Environment is a cluster with Envoy Gateway, egraft and SPIRE.
type Environment struct {
	// Kubectl runs as an administrator.
	Kubectl apiserver.Kubectl
	// Admin queries the Gateway's Envoy.
	envoy.Admin
	*applied

	options  Options
	place    string // the namespace of Envoy
	proxy    string // the Deployment of Envoy
	listener string
	admin    string
	forwards forwards

	rotations int
}

// OnNode runs a command on the cluster's node.
func (e *Environment) OnNode(ctx context.Context, command ...string) (string, error) {
	return e.options.OnNode(ctx, command...)
}

// Install runs the commands of docs/install.md.
func Install(ctx context.Context, options Options) (*Environment, error) {
	e := &Environment{Kubectl: options.Kubectl, options: options, place: GatewayNamespace, applied: &applied{kubectl: options.Kubectl, byName: map[string]string{}}}
	e.forwards.ended = make(chan struct{})
	e.Admin = func(ctx context.Context, path string) ([]byte, error) { return envoy.Page(ctx, "http://"+e.admin+path) }
	if err := e.RunPage(ctx, "docs/install.md"); err != nil {
		return nil, errors.Join(err, e.Dump(context.WithoutCancel(ctx)))
	}
	if err := errors.Join(e.makeRoom(ctx), e.forward(ctx)); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// RunPage runs the commands of a page in the repository. Their output is added to the log "page".
func (e *Environment) RunPage(ctx context.Context, path string) error {
	output, err := os.OpenFile(process.LogPath(e.options.Dir, "page"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open the log of a page: %w", err)
	}
	defer output.Close()
	runner := page.Runner{Environment: e.options.Name, Dir: e.options.Root, Environ: e.environ(), Output: output}
	return runner.Run(ctx, filepath.Join(e.options.Root, path))
}

// Helm runs a command of Helm.
func (e *Environment) Helm(ctx context.Context, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "env", append([]string{"helm"}, arguments...)...)
	cmd.Env = e.environ()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("helm %s: %w\n%s", strings.Join(arguments, " "), err, out)
	}
	return nil
}

// environ returns the environment of a user with kubectl and helm.
func (e *Environment) environ() []string {
	return append(process.Environ(), append(e.options.Environ, "KUBECONFIG="+e.Kubectl.Kubeconfig, "PATH="+e.options.Path,
		"HELM_DATA_HOME="+filepath.Join(e.options.Dir, "helm"), "HELM_CONFIG_HOME="+filepath.Join(e.options.Dir, "helm"),
		"HELM_CACHE_HOME="+filepath.Join(e.options.Dir, "helm"))...)
}

// Listener returns the address of the Gateway's listener on this machine.
func (e *Environment) Listener() string { return e.listener }

// Get sends a request for a host through the Gateway.
func (e *Environment) Get(ctx context.Context, host, path string) (*envoy.Response, error) {
	return envoy.Get(ctx, e.listener, host, path)
}

// Until sends requests until one gets the wanted response, and returns it.
func (e *Environment) Until(ctx context.Context, host, what string, wanted func(*envoy.Response) bool) (*envoy.Response, error) {
	return envoy.Until(ctx, e.listener, host, what, wanted)
}

// makeRoom deletes the policy and the route of docs/install.md, which scenarios replace with their
// own, and gives the backend a name for scenarios that declare that it speaks TLS.
func (e *Environment) makeRoom(ctx context.Context) error {
	if _, err := e.Kubectl.Run(ctx, "delete", "backendmtlspolicy/mtls", "httproute/echo", "service/echo"); err != nil {
		return err
	}
	return e.updateEntry(ctx, manifest.ID("/echo"), "-dns", "echo.example.org")
}

// Run runs a command as a user with kubectl and helm and additional environment variables, and
// returns its output.
func (e *Environment) Run(ctx context.Context, environ []string, command ...string) (stdout, stderr string, err error) {
	cmd := exec.CommandContext(ctx, "env", command...)
	cmd.Env = append(e.environ(), environ...)
	var out, problem strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &problem
	err = cmd.Run()
	return out.String(), problem.String(), err
}
