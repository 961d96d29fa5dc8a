package standalone

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/egraft/egraft/e2e/manifest"
)

// newAuthority creates the authority of [manifest.TrustDomain].
func (e *Environment) newAuthority() (Authority, error) {
	socket := filepath.Join(e.Dir, "agent.sock")
	switch e.options.SPIFFE {
	case Dev:
		return newDevAuthority(manifest.TrustDomain, socket)
	case SPIRE:
		return newSPIREAuthority(e.Dir, socket, e.programs)
	default:
		return nil, fmt.Errorf("SPIFFE mode %q: want %q or %q", e.options.SPIFFE, Dev, SPIRE)
	}
}

// newPartners creates the authorities of other trust domains and federates each with
// [manifest.TrustDomain].
func (e *Environment) newPartners() (map[string]Authority, error) {
	out := map[string]Authority{}
	own, isDev := e.SPIFFE.(*devAuthority)
	if len(e.options.Partners) > 0 && !isDev {
		return nil, errors.New("partners need the development issuer")
	}
	for _, domain := range e.options.Partners {
		partner, err := newDevAuthority(domain, filepath.Join(e.Dir, domain+".sock"))
		if err != nil {
			return nil, err
		}
		partner.Federate(manifest.TrustDomain, own.Authorities())
		own.Federate(domain, partner.Authorities())
		out[domain] = partner
	}
	return out, nil
}

// authority returns the authority of a trust domain, by default [manifest.TrustDomain], or nil if
// there is none.
func (e *Environment) authority(domain string) Authority {
	if domain == "" {
		return e.SPIFFE
	}
	return e.Partners[domain]
}

// authorities returns all authorities that have been created.
func (e *Environment) authorities() []Authority {
	var out []Authority
	if e.SPIFFE != nil {
		out = append(out, e.SPIFFE)
	}
	for _, partner := range e.Partners {
		out = append(out, partner)
	}
	return out
}
