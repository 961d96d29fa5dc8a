// Package kubegateway runs Envoy Gateway with its Kubernetes provider, on a real API server without
// nodes: what it reads and writes is real, but the pods that it creates never run. Its xDS server
// is available to clients with the certificate.
//
// Call it inside a network namespace (package netns). It contains no scenario: its callers create
// Gateways, and request their configuration.
package kubegateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/egraft/egraft/crds"
	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/parts"
)

// Parts returns the programs that a [Cluster] and a [Home] run.
func Parts() []parts.Name { return append(apiserver.Parts(), parts.EnvoyGateway) }

// controllerNamespace is the namespace of the objects that Envoy Gateway creates.
const controllerNamespace = `{apiVersion: v1, kind: Namespace, metadata: {name: envoy-gateway-system}}`

// Cluster is an API server with the CRDs that Envoy Gateway needs: its own, Gateway API's and
// egraft's.
type Cluster struct {
	*apiserver.Server
	// Kubeconfig is Envoy Gateway's, with all permissions.
	Kubeconfig string
}

// StartCluster starts an API server whose files are in dir, which has a directory "log".
func StartCluster(ctx context.Context, dir string) (*Cluster, error) {
	server, err := apiserver.Start(ctx, apiserver.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	c := &Cluster{Server: server}
	if err := c.fill(ctx); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) fill(ctx context.Context) error {
	root, err := parts.Root()
	if err != nil {
		return err
	}
	gateway, err := module(ctx, root)
	if err != nil {
		return err
	}
	definitions, err := definitions(filepath.Join(gateway, "charts", "gateway-helm", "charts", "crds", "crds"))
	if err != nil {
		return err
	}
	if err := c.Admin.Define(ctx, definitions...); err != nil {
		return err
	}
	if err := c.Admin.Apply(ctx, controllerNamespace); err != nil {
		return err
	}
	c.Kubeconfig, err = c.Server.Kubeconfig("envoy-gateway", "envoy-gateway", "system:masters")
	return err
}

// definitions returns the CRDs below a directory, and egraft's.
func definitions(dir string) ([][]byte, error) {
	out, err := crds.Texts()
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".yaml" {
			return err
		}
		text, err := os.ReadFile(path)
		out = append(out, text)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the CRDs of Envoy Gateway: %w", err)
	}
	return out, nil
}

// module returns the directory of Envoy Gateway's source.
func module(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/envoyproxy/gateway")
	cmd.Dir, cmd.Env, cmd.Stderr = root, append(os.Environ(), "GOPROXY=off"), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find the source of Envoy Gateway: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
