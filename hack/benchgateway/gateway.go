package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/process"
)

const (
	serverName = "envoy-gateway"
	// socket is where Envoy Gateway finds its extension server, below its root directory.
	socket = "/run/extension.sock"
)

// home is the root directory of Envoy Gateway.
type home struct {
	dir    string // of the run, with the directory "log"
	root   string
	self   string // this program
	egraft string
	stanza []byte
	certs  certificates
	env    []string
}

// newHome makes the root directory, with all that Envoy Gateway needs beside its
// configuration.
func newHome(ctx context.Context, dir, egraft string, c *cluster) (*home, error) {
	programs, err := parts.Prepared(parts.EnvoyGateway)
	if err != nil {
		return nil, err
	}
	h := &home{dir: dir, root: filepath.Join(dir, "root"), egraft: egraft, env: []string{"KUBECONFIG=" + c.kubeconfig, "HOME=/tmp"}}
	if h.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	for _, name := range []string{"certs", "run", "tmp", "var/lib/eg"} {
		if err := os.MkdirAll(filepath.Join(h.root, name), 0o755); err != nil {
			return nil, fmt.Errorf("make Envoy Gateway's root directory: %w", err)
		}
	}
	if err := place(programs[parts.EnvoyGateway], filepath.Join(h.root, serverName)); err != nil {
		return nil, err
	}
	if err := h.certify(c); err != nil {
		return nil, err
	}
	h.stanza, err = printedStanza(ctx, egraft)
	return h, err
}

// place makes a program appear at a path.
func place(program, path string) error {
	if os.Link(program, path) == nil {
		return nil
	}
	content, err := os.ReadFile(program) // it is on another file system
	if err == nil {
		err = os.WriteFile(path, content, 0o755)
	}
	if err != nil {
		return fmt.Errorf("place %s in Envoy Gateway's root directory: %w", program, err)
	}
	return nil
}

// certify makes certificates for Envoy Gateway's xDS server, and copies those of the API
// server's clients to where the kubeconfig says.
func (h *home) certify(c *cluster) error {
	server, err := c.PKI.Server("xds", nil, serverName)
	if err != nil {
		return err
	}
	envoy, err := c.PKI.Client("envoy", "envoy")
	if err != nil {
		return err
	}
	h.certs = certificates{ca: c.PKI.CA(), server: server, envoy: envoy}
	for from, to := range map[string]string{h.certs.ca: "ca.crt", server + ".crt": "tls.crt", server + ".key": "tls.key"} {
		if err := place(from, filepath.Join(h.root, "certs", to)); err != nil {
			return err
		}
	}
	keys := filepath.Dir(c.kubeconfig)
	if err := os.CopyFS(filepath.Join(h.root, keys), os.DirFS(keys)); err != nil {
		return fmt.Errorf("copy certificates to Envoy Gateway's root directory: %w", err)
	}
	return nil
}

// printedStanza is what egraft says Envoy Gateway has to be told.
func printedStanza(ctx context.Context, egraft string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, egraft, "config", "envoy-gateway", "--format", "standalone", "--socket", socket)
	cmd.Env, cmd.Stderr = process.Environ(), os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("egraft config envoy-gateway: %w", err)
	}
	return out, nil
}

// running is Envoy Gateway with its extension server.
type running struct {
	gateway, extension *process.Process
	client             *client
}

// start starts a variant and waits until all routes are in the snapshot.
func (h *home) start(ctx context.Context, v variant, routes int, pprof bool) (*running, error) {
	config := "envoy-gateway.yaml"
	if err := v.configure(filepath.Join(h.root, config), h.stanza, pprof); err != nil {
		return nil, err
	}
	if err := os.Remove(filepath.Join(h.root, socket)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of the variant before: %w", err)
	}
	r := &running{extension: h.extension(v)}
	r.gateway = process.New(h.dir, serverName, h.self, chrootCommand, h.root, "/"+serverName, "server", "--config-path", "/"+config)
	r.gateway.Environ = h.env
	if err := r.start(ctx, h, routes); err != nil {
		return nil, errors.Join(fmt.Errorf("%s with %d routes (logs are in %s/log): %w", v.name, routes, h.dir, err), r.stop())
	}
	return r, nil
}

func (r *running) start(ctx context.Context, h *home, routes int) error {
	if r.extension != nil {
		if err := r.extension.Start(); err != nil {
			return err
		}
		if err := r.extension.Wait(ctx, "the extension server's socket", func(context.Context) error {
			_, err := os.Stat(filepath.Join(h.root, socket))
			return err
		}); err != nil {
			return err
		}
	}
	if err := r.gateway.Start(); err != nil {
		return err
	}
	// Envoy Gateway serves metrics before it has read anything.
	if err := r.gateway.Wait(ctx, "Envoy Gateway's metrics", func(ctx context.Context) error {
		_, err := translated(ctx)
		return err
	}); err != nil {
		return err
	}
	var err error
	if r.client, err = newClient(ctx, &h.certs); err != nil {
		return err
	}
	return r.client.waitRoutes(ctx, routes)
}

// extension is the process of the variant's extension server, if it has one.
func (h *home) extension(v variant) *process.Process {
	path := filepath.Join(h.root, socket)
	switch v.server {
	case plainServer:
		return process.New(h.dir, v.server, h.self, plainCommand, path)
	case egraftServer:
		return process.New(h.dir, v.server, h.egraft, "serve", "--socket", path, "--admin-address", egraftAdmin)
	}
	return nil
}

// stop ends Envoy Gateway first, so that it does not miss its extension server.
func (r *running) stop() error {
	if r.client != nil {
		r.client.close()
	}
	err := r.gateway.Stop()
	if r.extension != nil {
		err = errors.Join(err, r.extension.Stop())
	}
	return err
}
