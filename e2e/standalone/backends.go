package standalone

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/process"
)

// Backend is an echo server with its own SPIFFE identity.
type Backend struct {
	// Name is the last part of its SPIFFE ID and of its executable's path.
	Name string
	// Port is the port for TLS with client certificates.
	Port int
	// Plain is the port for cleartext, 0 for none.
	Plain int
	// MaxTLS is the highest version of TLS, such as "1.2". Empty means 1.3.
	MaxTLS string
	// DNSNames are the DNS names in its certificate.
	DNSNames []string
	// Clients are the permitted SPIFFE IDs; an ID without a path permits its whole trust domain.
	// The default is Envoy's.
	Clients []string
	// TrustDomain is one of the environment's partners, [manifest.TrustDomain] if empty.
	TrustDomain string
}

// ID returns the backend's SPIFFE ID.
func (b Backend) ID() string {
	return "spiffe://" + cmp.Or(b.TrustDomain, manifest.TrustDomain) + "/" + b.Name
}

// DefaultBackends returns the backends of an environment by default. "echo" is the one to call, and
// "other" has another identity.
func DefaultBackends() []Backend {
	return []Backend{
		{Name: "echo", Port: 3443, Plain: 3080, DNSNames: []string{"echo.example.org"}},
		{Name: "other", Port: 3444, DNSNames: []string{"other.example.org"}},
	}
}

func (b Backend) executable(dir string) string { return filepath.Join(dir, "bin", b.Name) }

func (b Backend) entry(dir string) Entry {
	entry := Entry{Path: "/" + b.Name, Executable: b.executable(dir), DNSNames: b.DNSNames}
	if b.TrustDomain != "" {
		entry.FederatesWith = []string{manifest.TrustDomain}
	}
	return entry
}

func (b Backend) process(dir, socket string) *process.Process {
	clients := b.Clients
	if clients == nil {
		clients = []string{manifest.ID(manifest.EnvoyIdentity)}
	}
	command := []string{b.executable(dir), "-listen", local(b.Port), "-socket", socket, "-clients", strings.Join(clients, ","), "-max-tls", b.MaxTLS}
	if b.Plain != 0 {
		command = append(command, "-plain", local(b.Plain))
	}
	return process.New(dir, "backend-"+b.Name, command...)
}

// wait waits until the backend has its SVID and listens.
func (b Backend) wait(ctx context.Context, p *process.Process) error {
	return p.Wait(ctx, fmt.Sprintf("backend %s to listen", b.Name), func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", local(b.Port))
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }
