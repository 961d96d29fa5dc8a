// Package manifest has the resources that scenarios apply, as a user writes
// them.
package manifest

import (
	"fmt"
	"strings"
	"time"
)

// Policy is a BackendMTLSPolicy as a user writes it.
type Policy struct {
	// Name is the name of the resource and of its file. The default is "mtls".
	Name string
	// Kind and Target are the policy's target. The default is the Gateway.
	Kind, Target string
	// Section is the Gateway's listener.
	Section string
	// Identity is the path of Envoy's SPIFFE ID. The default is "/envoy".
	Identity string
	// Peers are the lines below peers, such as "exact: spiffe://…".
	Peers []string
	// AllowAny sets allowAnyInTrustDomain instead of peers.
	AllowAny bool
	// AllowAnyAuthority accepts the authority of each trust domain for all others.
	AllowAnyAuthority bool
	// Socket is the agent's socket.
	Socket string
	// PlaintextBackends, TrustBundles, FetchTimeout and Created are left out
	// unless they are set.
	PlaintextBackends string
	TrustBundles      []string
	FetchTimeout      time.Duration
	Created           time.Time
}

// NewPolicy returns a policy for the Gateway with SVIDs of the trust domain from the agent at a
// socket.
func NewPolicy(socket string) Policy {
	return Policy{
		Name: "mtls", Kind: "Gateway", Target: "eg", Identity: EnvoyIdentity,
		Peers: []string{"exact: " + ID("/echo")}, Socket: socket,
	}
}

// YAML returns the policy as a resource.
func (p Policy) YAML() string {
	var out strings.Builder
	line := func(format string, arguments ...any) { fmt.Fprintf(&out, format+"\n", arguments...) }
	line("apiVersion: egraft.io/v1alpha1\nkind: BackendMTLSPolicy\nmetadata:\n  name: %s\n  namespace: default", p.Name)
	if !p.Created.IsZero() {
		line("  creationTimestamp: %q", p.Created.UTC().Format(time.RFC3339))
	}
	line("spec:\n  targetRefs:\n    - group: gateway.networking.k8s.io\n      kind: %s\n      name: %s", p.Kind, p.Target)
	if p.Section != "" {
		line("      sectionName: %s", p.Section)
	}
	line("  trustDomain: %s\n  workloadIdentifier: %s", TrustDomain, p.Identity)
	if p.AllowAny {
		line("  allowAnyInTrustDomain: true")
	} else if len(p.Peers) > 0 {
		line("  peers:\n    - %s", strings.Join(p.Peers, "\n    - "))
	}
	if len(p.TrustBundles) > 0 {
		line("  trustBundles: [%s]", strings.Join(p.TrustBundles, ", "))
	}
	if p.AllowAnyAuthority {
		line("  allowAnyAuthority: true")
	}
	if p.PlaintextBackends != "" {
		line("  plaintextBackends: %s", p.PlaintextBackends)
	}
	if p.FetchTimeout > 0 {
		line("  initialFetchTimeout: %s", p.FetchTimeout)
	}
	line("  agent:\n    socketPath: %s", p.Socket)
	return out.String()
}

// File returns the policy in the form for a file that replaces another one. Envoy Gateway's file
// provider merges new files with what it has read, so an omitted field keeps its value:
// internal/provider/file/store.go, v1.9.1.
func (p Policy) File() string {
	out := p.YAML()
	for field, isSet := range map[string]bool{
		"allowAnyInTrustDomain": p.AllowAny, "peers": !p.AllowAny && len(p.Peers) > 0, "trustBundles": len(p.TrustBundles) > 0,
		"allowAnyAuthority": p.AllowAnyAuthority,
		"plaintextBackends": p.PlaintextBackends != "", "initialFetchTimeout": p.FetchTimeout > 0,
	} {
		if !isSet {
			out += "  " + field + ": null\n"
		}
	}
	return out
}
