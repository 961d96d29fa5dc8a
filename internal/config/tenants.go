package config

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/egraft/egraft/internal/tenancy"
)

// rules are those of namespaces: text as [tenancy.ParseRules] reads it.
func rules(target *tenancy.Rules) value {
	return typed[tenancy.Rules]{
		target: target, kind: "rules", between: " ",
		parse: tenancy.ParseRules, format: tenancy.Rules.String, decode: tenancy.DecodeRules,
	}
}

func number(target *int) value {
	return typed[int]{
		target: target, kind: "number",
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			if err != nil {
				return 0, errors.New("must be a whole number")
			}
			return n, nil
		},
		format: strconv.Itoa,
		decode: func(raw json.RawMessage) (int, error) { return decodeAs[int](raw, "a whole number") },
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
}
