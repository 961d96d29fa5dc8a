package config

import (
	"time"

	"github.com/egraft/egraft/internal/tenancy"
	"github.com/egraft/egraft/pkg/setting"
)

// rules are namespace rules; [tenancy.ParseRules] defines the text format.
func rules(target *tenancy.Rules) setting.Value {
	return setting.Typed[tenancy.Rules]{
		Target: target, Kind: "rules", Between: " ",
		Parse: tenancy.ParseRules, Format: tenancy.Rules.String, JSON: tenancy.DecodeRules,
	}
}

// Bounds of the limits that an operator can set. The lower bound of the timeout is the CRDs'
// default, since otherwise policies without a timeout would exceed the limit. The upper bounds are
// what the CRDs and egraft accept.
const (
	leastFetchTimeout = 2 * time.Second
	mostFetchTimeout  = time.Minute
	mostPeers         = 64
	mostAgentSockets  = 1000
	leastSecrets      = 2 // an SVID and a trust bundle
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
