package standalone

import (
	"context"
	"fmt"
	"time"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/manifest"
)

// SPIFFEMode selects the issuer of SVIDs.
type SPIFFEMode string

// The modes.
const (
	// Dev uses package devspiffe, inside this process.
	Dev SPIFFEMode = "dev"
	// SPIRE uses a real SPIRE server and agent.
	SPIRE SPIFFEMode = "spire"
)

// Entry entitles a program to an SVID.
type Entry struct {
	// Path of the SPIFFE ID, such as "/envoy".
	Path string
	// Executable is the program.
	Executable string
	// TTL is the SVID's lifetime, in whole seconds. The default is an hour.
	TTL time.Duration
	// DNSNames are added to the SVID.
	DNSNames []string
	// FederatesWith names trust domains whose bundles are also served.
	FederatesWith []string
}

// ID returns the SPIFFE ID of the entry.
func (e Entry) ID() string { return manifest.ID(e.Path) }

// Authority issues SVIDs, in the same way in both modes.
type Authority interface {
	// Start serves on the socket. It can be called again after Stop.
	Start(ctx context.Context) error
	// Stop closes the socket, as a stopped agent does. Entries are kept.
	Stop() error
	// Close ends everything.
	Close() error
	// Socket returns the path of the agent's socket.
	Socket() string
	// Bundle returns the trust domain's roots in PEM.
	Bundle() []byte
	// AddEntries entitles programs to SVIDs.
	AddEntries(ctx context.Context, entries ...Entry) error
	// RemoveEntry revokes that.
	RemoveEntry(ctx context.Context, entry Entry) error
	// Rotate replaces all SVIDs. SPIRE takes a second or two.
	Rotate(ctx context.Context) error
}

// devAuthority is the development issuer.
type devAuthority struct {
	*devspiffe.Issuer
	domain string
}

func newDevAuthority(domain, socket string) (*devAuthority, error) {
	issuer, err := devspiffe.New(devspiffe.Config{TrustDomain: domain, Socket: socket})
	if err != nil {
		return nil, err
	}
	return &devAuthority{issuer, domain}, nil
}

func (d *devAuthority) Start(context.Context) error { return d.Issuer.Start() }

func (d *devAuthority) Stop() error {
	d.Issuer.Stop()
	return nil
}

func (d *devAuthority) Close() error { return d.Stop() }

func (d *devAuthority) AddEntries(_ context.Context, entries ...Entry) error {
	for _, e := range entries {
		if err := d.AddEntry(d.entry(e)); err != nil {
			return fmt.Errorf("entry for %s: %w", e.Executable, err)
		}
	}
	return nil
}

func (d *devAuthority) RemoveEntry(_ context.Context, e Entry) error {
	d.Issuer.RemoveEntry(d.entry(e))
	return nil
}

func (d *devAuthority) Rotate(context.Context) error {
	d.Issuer.Rotate()
	return nil
}

func (d *devAuthority) entry(e Entry) devspiffe.Entry {
	return devspiffe.Entry{ID: "spiffe://" + d.domain + e.Path, Path: e.Executable, TTL: e.TTL, DNSNames: e.DNSNames, FederatesWith: e.FederatesWith}
}
