package kubegateway

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

const (
	// ServerName is the name in the certificate of Envoy Gateway's xDS server.
	ServerName = "envoy-gateway"
	// XDSAddress is the address of Envoy Gateway's xDS server.
	XDSAddress = "127.0.0.1:18000"
	// Socket is the path of the extension server's socket, below Envoy Gateway's root directory.
	Socket = "/run/extension.sock"

	configuration = "/envoy-gateway.yaml"
)

// Home is the root directory of an Envoy Gateway: the Kubernetes provider looks for
// certificates in /certs.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/runner/runner.go#L51
type Home struct {
	// CA is the path of the authority's certificate for xDS connections, and Envoy the path of a
	// client's certificate and key, without the extension.
	CA, Envoy string

	dir, root string
	environ   []string
}

// NewHome creates the root directory below dir, which has a directory "log", with everything that
// Envoy Gateway needs except its configuration.
func NewHome(dir string, c *Cluster) (*Home, error) {
	programs, err := parts.Prepared(parts.EnvoyGateway)
	if err != nil {
		return nil, err
	}
	h := &Home{dir: dir, root: filepath.Join(dir, "root"), environ: []string{"KUBECONFIG=" + c.Kubeconfig, "HOME=/tmp"}}
	for _, name := range []string{"certs", "run", "tmp", "var/lib/eg"} {
		if err := os.MkdirAll(filepath.Join(h.root, name), 0o755); err != nil {
			return nil, fmt.Errorf("make Envoy Gateway's root directory: %w", err)
		}
	}
	if err := place(programs[parts.EnvoyGateway], filepath.Join(h.root, ServerName)); err != nil {
		return nil, err
	}
	return h, h.certify(c)
}

// place makes a file appear at a path.
func place(file, path string) error {
	if os.Link(file, path) == nil {
		return nil
	}
	content, err := os.ReadFile(file) // it is on a different file system
	if err == nil {
		err = os.WriteFile(path, content, 0o755)
	}
	if err != nil {
		return fmt.Errorf("place %s in Envoy Gateway's root directory: %w", file, err)
	}
	return nil
}

// certify creates certificates for Envoy Gateway's xDS server, and copies those of the API server's
// clients to the paths in the kubeconfig.
func (h *Home) certify(c *Cluster) error {
	server, err := c.PKI.Server("xds", nil, ServerName)
	if err != nil {
		return err
	}
	h.CA = c.PKI.CA()
	if h.Envoy, err = c.PKI.Client("envoy", "envoy"); err != nil {
		return err
	}
	for from, to := range map[string]string{h.CA: "ca.crt", server + ".crt": "tls.crt", server + ".key": "tls.key"} {
		if err := place(from, filepath.Join(h.root, "certs", to)); err != nil {
			return err
		}
	}
	keys := filepath.Dir(c.Kubeconfig)
	if err := os.CopyFS(filepath.Join(h.root, keys), os.DirFS(keys)); err != nil {
		return fmt.Errorf("copy certificates to Envoy Gateway's root directory: %w", err)
	}
	return nil
}

// Socket returns the path of [Socket] for the extension server.
func (h *Home) Socket() string { return filepath.Join(h.root, Socket) }

// Gateway returns an Envoy Gateway with a configuration, not started yet. It removes the socket of
// the previous extension server.
func (h *Home) Gateway(config map[string]any) (*process.Process, error) {
	if err := write(filepath.Join(h.root, configuration), config); err != nil {
		return nil, err
	}
	if err := os.Remove(h.Socket()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of the extension server before: %w", err)
	}
	p := process.New(h.dir, ServerName, "/"+ServerName, "server", "--config-path", configuration)
	p.Environ, p.Root = h.environ, h.root
	return p, nil
}
