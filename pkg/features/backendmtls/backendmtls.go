// Package backendmtls implements BackendMTLSPolicy: Envoy presents an X.509 SVID, which
// it fetches from a SPIRE agent by SDS, to the backends of a target, and accepts only
// backends with one of the named SPIFFE IDs.
//
// It rewrites the TLS of a cluster; package attach finds the policy of each. It must never leave
// a TLS context with SPIRE's bundle and without a URI matcher: Envoy's SPIFFE validator would
// accept every workload of the trust domain. See README.md.
package backendmtls

import (
	"fmt"
	"strings"
	"time"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/spiffe"
)

// Name is the feature's name in configuration, logs and metrics.
const Name = "backend-mtls"

// New returns the feature. edsInitialFetchTimeout is how long Envoy waits for the endpoints
// of a cluster that the feature changed; 0 leaves Envoy's default.
func New(edsInitialFetchTimeout time.Duration) mutator.Feature {
	return attach.ClusterPolicy[v1alpha1.BackendMTLSPolicy]{
		Name:                   Name,
		Kind:                   v1alpha1.GroupVersion.WithKind(v1alpha1.KindBackendMTLSPolicy),
		Targets:                func(p *v1alpha1.BackendMTLSPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		OnFailure:              mutator.Deny,
		Validate:               validate,
		Edit:                   edit,
		Describe:               describe,
		Verify:                 requiresURI,
		EDSInitialFetchTimeout: edsInitialFetchTimeout,
	}.Feature()
}

func describe(p *v1alpha1.BackendMTLSPolicy, clusters int) string {
	s := &p.Spec
	text := fmt.Sprintf("Envoy presents %s to %s; agent %s, plaintext backends: %s, clusters: %d",
		fieldsOf(s).Source().ID(), strings.Join(spiffe.Describe(matchers(s)), ", "), s.Agent.SocketPath, s.PlaintextBackends, clusters)
	if s.PlaintextBackends == v1alpha1.PlaintextUpgrade {
		text += "; active health checks use TLS, too, on every port"
	}
	return text
}
