package cluster

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"golang.org/x/sys/unix"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/process"
)

// dockerHub is the host that Helm contacts for oci://docker.io.
const dockerHub = "registry-1.docker.io"

// Registry replaces Docker Hub on machines that cannot reach it, and serves Envoy Gateway's chart.
// It needs its own network and mount namespaces.
type Registry struct {
	server *http.Server
	// Environ makes programs trust the registry.
	Environ []string
}

// NewRegistry starts a registry and pushes a packaged chart with Helm.
func NewRegistry(ctx context.Context, pki *apiserver.PKI, dir, helm, chart string) (*Registry, error) {
	hosts := filepath.Join(dir, "hosts")
	if err := os.WriteFile(hosts, []byte("127.0.0.1 localhost "+dockerHub+"\n"), 0o644); err != nil {
		return nil, fmt.Errorf("write the names of hosts: %w", err)
	}
	if err := unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return nil, fmt.Errorf("mount the names of hosts: %w", err)
	}
	name, err := pki.Server("registry", []string{"127.0.0.1"}, dockerHub)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:443")
	if err != nil {
		return nil, fmt.Errorf("listen as a registry: %w", err)
	}
	r := &Registry{Environ: []string{"SSL_CERT_FILE=" + pki.CA()}}
	r.server = &http.Server{
		Handler: registry.New(registry.Logger(log.New(io.Discard, "", 0))), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = r.server.ServeTLS(listener, name+".crt", name+".key") }() // until Close
	push := exec.CommandContext(ctx, helm, "push", chart, "oci://docker.io/envoyproxy")
	push.Env = append(process.Environ(), append(r.Environ, "HELM_CONFIG_HOME="+dir, "HELM_CACHE_HOME="+dir)...)
	if out, err := push.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("push %s: %w\n%s", chart, err, out), r.Close())
	}
	return r, nil
}

// Close ends the registry.
func (r *Registry) Close() error { return r.server.Close() }
