package config

import (
	"time"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/setting"
)

// rules are those of namespaces: text as [tenancy.ParseRules] reads it.
func rules(target *tenancy.Rules) setting.Value {
	return setting.Typed[tenancy.Rules]{
		Target: target, Kind: "rules", Between: " ",
		Parse: tenancy.ParseRules, Format: tenancy.Rules.String, JSON: tenancy.DecodeRules,
	}
}

// Bounds of what the operator may set. The lower one of the timeout is the CRDs' default,
// since policies that leave it out would be past the limit otherwise; the upper ones are
// what the CRDs and egraft itself accept.
const (
	leastFetchTimeout = 2 * time.Second
	mostFetchTimeout  = time.Minute
	mostPeers         = 64
	mostAgentSockets  = 1000
	leastSecrets      = 2 // an SVID and a bundle
	mostSecrets       = 100_000
	mostFilters       = 1000
)

func (l *loader) tenants() {
	c := l.cfg
	l.errs = append(l.errs, c.NamespaceRules.Validate(l.at("namespace-rules"))...)
	if d := c.MaxInitialFetchTimeout; d < leastFetchTimeout || d > mostFetchTimeout {
		l.invalid("max-initial-fetch-timeout", d.String(), "must be from 2s, which is the default of policies, to 1m0s")
	}
	l.between("max-peers", c.MaxPeers, 1, mostPeers)
	l.between("max-agent-sockets-per-namespace", c.MaxAgentSockets, 1, mostAgentSockets)
	l.between("max-sds-secrets-per-namespace", c.MaxSDSSecrets, leastSecrets, mostSecrets)
	l.between("max-filters-per-namespace", c.MaxFilters, 1, mostFilters)
}
