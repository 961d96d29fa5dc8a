package devspiffe

import (
	"crypto/x509"
	"maps"
	"slices"
	"time"
)

// update is everything to which one workload is entitled at one moment.
type update struct {
	svids     []*svid
	federated map[string][]*x509.Certificate // by trust domain, for these entries
	held      map[string]bool
	plain     bool
	changed   <-chan struct{} // closed when a newer update may exist
}

// read returns the update for the processes of an executable.
func (i *Issuer) read(executable string) (*update, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := &update{
		federated: map[string][]*x509.Certificate{},
		held:      maps.Clone(i.held), plain: i.plain, changed: i.changed,
	}
	for _, entry := range i.entries {
		if entry.Path != executable {
			continue
		}
		s, err := i.current(entry)
		if err != nil {
			return nil, err
		}
		out.svids = append(out.svids, s)
		for _, domain := range entry.FederatesWith {
			if authorities, ok := i.federated[domain]; ok {
				out.federated[domain] = authorities
			}
		}
	}
	return out, nil
}

// current returns the SVID of an entry, renewed if due.
func (i *Issuer) current(entry Entry) (*svid, error) { return i.named(entry.ID, entry) }

// named returns the SVID stored under a name.
func (i *Issuer) named(name string, entry Entry) (*svid, error) {
	if s := i.issued[name]; s != nil && time.Now().Before(s.renewAt) {
		return s, nil
	}
	ttl := i.cfg.TTL
	if entry.TTL > 0 {
		ttl = entry.TTL
	}
	s, err := i.ca.issue(entry, ttl)
	if err != nil {
		return nil, err
	}
	i.issued[name] = s
	return s, nil
}

// domains lists the federated trust domains in order.
func (u *update) domains() []string { return slices.Sorted(maps.Keys(u.federated)) }
