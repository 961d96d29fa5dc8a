//go:build e2e

package e2e

import (
	"testing"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/standalone"
)

// TestNamespaceRules: a policy in namespace default requests an SVID that the agent gives to Envoy
// for namespace pay. Its route is denied with the reason, although an earlier version of the policy
// was in effect, and no other route is denied.
func TestNamespaceRules(t *testing.T) {
	f := start(t, standalone.Options{
		Backends: backendsForAll(),
		Egraft:   []string{"--namespace-rules", "namespaces=*;workloadIdentifiers=/ns/{namespace}/*"},
	})
	own, others := f.EnvoyEntry("/ns/default/envoy"), f.EnvoyEntry("/ns/pay/envoy")
	f.must(f.SPIFFE.AddEntries(f.soon(), own, others))
	f.routes(echoRoute, plainRoute)
	f.until(plainRoute.Host(), "a response", cleartext)
	bystander := f.traffic(plainRoute.Host())

	policy := f.policy("HTTPRoute", echoRoute.Name, "")
	policy.Identity = "/ns/default/envoy"
	f.effect(policy, echoRoute.Host(), envoy.Peer(own.ID()))

	from := standalone.LogEnd(f.Egraft)
	policy.Identity = "/ns/pay/envoy"
	f.effect(policy, echoRoute.Host(), rejected(500, deniedByEgraft))
	f.notInEffect(from, policy.Name, "Invalid",
		"spec.workloadIdentifier: Forbidden: namespace default may not use /ns/pay/envoy: --namespace-rules permits /ns/default/*")

	policy.Identity = "/ns/default/envoy"
	f.effect(policy, echoRoute.Host(), envoy.Peer(own.ID()))
	bystander.mustAllBeServed()
}
