// Package devspiffe is a SPIFFE issuer for DEVELOPMENT ONLY.
//
// Do not run it where anything must be protected: its certificate authority is in memory, its root
// changes with every start, and it trusts what the kernel reports about a process on the same
// machine.
//
// It serves the same as a SPIRE agent, on one Unix socket and under SPIRE's names: Envoy's secret
// discovery service and the SPIFFE Workload API. It lets the demo and the tests start in seconds,
// without SPIRE. It is also the fault injector of the tests: see [Issuer.Hold], [Issuer.Stop],
// [Issuer.SetPlainBundle] and [Issuer.RemoveEntry].
package devspiffe

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"google.golang.org/grpc"
)

// defaultTTL is the default lifetime of an SVID, as in SPIRE.
const defaultTTL = time.Hour

// Config configures an issuer.
type Config struct {
	// TrustDomain is the name, such as "example.org".
	TrustDomain string
	// Socket is the path of the socket.
	Socket string
	// TTL is the lifetime of an SVID unless its entry sets another. An SVID is replaced after half
	// of it. The default is an hour.
	TTL time.Duration
}

// Entry entitles the processes of one executable to an SVID, as an entry with
// the selector unix:path does in SPIRE.
type Entry struct {
	// ID is the SPIFFE ID, such as "spiffe://example.org/envoy".
	ID string
	// Path is the executable, as /proc/PID/exe shows it.
	Path string
	// TTL overrides the issuer's.
	TTL time.Duration
	// DNSNames are added to the SVID.
	DNSNames []string
	// FederatesWith names other trust domains whose bundles are also served.
	FederatesWith []string
}

// Issuer is a certificate authority and the server of its certificates. Create one with [New]. Its
// methods may be called concurrently.
type Issuer struct {
	domain spiffeid.TrustDomain
	cfg    Config
	ca     *authority

	mu        sync.Mutex
	entries   []Entry
	issued    map[string]*svid // by SPIFFE ID or invented name
	invented  map[string]invention
	federated map[string][]*x509.Certificate
	held      map[string]bool
	plain     bool
	changed   chan struct{} // closed and replaced at each change

	serving sync.Mutex
	server  *grpc.Server
	done    chan struct{}
}

// New creates an issuer that serves nothing yet.
func New(cfg Config) (*Issuer, error) {
	domain, err := spiffeid.TrustDomainFromString(cfg.TrustDomain)
	if err != nil {
		return nil, fmt.Errorf("trust domain of the development issuer: %w", err)
	}
	if cfg.TTL <= 0 {
		cfg.TTL = defaultTTL
	}
	ca, err := newAuthority(domain)
	if err != nil {
		return nil, err
	}
	return &Issuer{
		domain: domain, cfg: cfg, ca: ca,
		issued: map[string]*svid{}, invented: map[string]invention{}, federated: map[string][]*x509.Certificate{},
		held: map[string]bool{}, changed: make(chan struct{}),
	}, nil
}

// Socket returns the path of the socket.
func (i *Issuer) Socket() string { return i.cfg.Socket }

// Authorities returns the roots of the trust domain.
func (i *Issuer) Authorities() []*x509.Certificate { return []*x509.Certificate{i.ca.certificate} }

// Bundle returns [Issuer.Authorities] in PEM.
func (i *Issuer) Bundle() []byte { return encodeCertificates(i.Authorities()) }

// AddEntry entitles an executable to an SVID. It replaces an entry with the same ID and path.
func (i *Issuer) AddEntry(entry Entry) error {
	if _, err := spiffeid.FromString(entry.ID); err != nil {
		return fmt.Errorf("SPIFFE ID of an entry: %w", err)
	}
	i.change(func() {
		i.remove(entry)
		i.entries = append(i.entries, entry)
	})
	return nil
}

// RemoveEntry revokes the entitlement. Issued SVIDs remain valid, but are no longer served.
func (i *Issuer) RemoveEntry(entry Entry) { i.change(func() { i.remove(entry) }) }

func (i *Issuer) remove(entry Entry) {
	i.entries = slices.DeleteFunc(i.entries, func(e Entry) bool { return e.ID == entry.ID && e.Path == entry.Path })
	delete(i.issued, entry.ID)
}

// Rotate replaces all SVIDs now.
func (i *Issuer) Rotate() { i.change(func() { clear(i.issued) }) }

// Federate adds the bundle of another trust domain for entries that federate with it.
func (i *Issuer) Federate(trustDomain string, authorities []*x509.Certificate) {
	i.change(func() { i.federated[trustDomain] = authorities })
}

// Hold makes the issuer not respond to SDS streams that request the name, like an agent that cannot
// reach its server. [Issuer.Release] ends it.
func (i *Issuer) Hold(name string) { i.change(func() { i.held[name] = true }) }

// Release ends [Issuer.Hold].
func (i *Issuer) Release(name string) { i.change(func() { delete(i.held, name) }) }

// SetPlainBundle serves bundles as plain CA certificates instead of for Envoy's SPIFFE validator,
// as agents with disable_spiffe_cert_validation do.
func (i *Issuer) SetPlainBundle(plain bool) { i.change(func() { i.plain = plain }) }

// change makes one change of state and wakes all streams.
func (i *Issuer) change(edit func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	edit()
	close(i.changed)
	i.changed = make(chan struct{})
}

// encodeCertificates encodes certificates as PEM blocks.
func encodeCertificates(certificates []*x509.Certificate) []byte {
	var out []byte
	for _, c := range certificates {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}
