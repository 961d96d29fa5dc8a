//go:build e2e

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/manifest"
)

// TestOwners: Envoy Gateway reads from a real API server. Unlike with files, labels select the
// targets of policies, and ListenerSets add listeners. The owner of each namespace has policies of
// all kinds, which are in effect where stated and nowhere else.
func TestOwners(t *testing.T) {
	needs(t, here)
	w := newKubeWorld(t)
	w.run()
	w.applyOwners(false)
	t.Run("a configuration for each Gateway", func(t *testing.T) { w.table(t, ownerships(0)) })
	// Envoy's responses on the listeners of infra. Nothing listens at the backend.
	limits := map[string]int{"own.infra.example.com": 503, "set.example.com": 413}
	t.Run("a listener of another owner", func(t *testing.T) { w.listenerOfAnother(t, limits) })
	w.applyOwners(true)
	t.Run("merged Gateways", func(t *testing.T) { w.table(t, ownerships(0)) })
	t.Run("a policy that would select routes and foreign Gateways", w.mixedSelectors)

	// With these names, an HTTP listener of a ListenerSet cannot be distinguished from one of the
	// Gateway: see docs/security-model.md, "Limits of the model".
	w.run("runtimeFlags: {enabled: [XDSNameSchemeV2]}")
	w.applyOwners(true)
	delete(limits, "set.example.com")
	t.Run("a listener of another owner, with other names", func(t *testing.T) { w.listenerOfAnother(t, limits) })
	t.Run("merged Gateways with other names", func(t *testing.T) { w.table(t, ownerships(1)) })
}

// mixedSelectors: such a policy is rejected, since it would be unclear which Gateways it selects.
func (w *kubeWorld) mixedSelectors(t *testing.T) {
	for kind, fields := range ownedPolicies {
		if kind == "FrontendMTLSPolicy" {
			continue // it cannot target routes
		}
		p := owned{"other", "targetSelectors: [" + fmt.Sprintf(byLabels, "Gateway", anywhere) + ", " + fmt.Sprintf(byLabels, "HTTPRoute", "") + "]"}
		err := w.Admin.Apply(t.Context(), p.yaml(kind, 0, fmt.Sprintf(fields, 0, w.issuer.Socket())))
		require.ErrorContains(t, err, "a policy that targets routes cannot also select Gateways in other namespaces: use a policy for each")
	}
}

// strictAndLax has policies of infra's Gateway, and less strict ones of two of its listeners, whose
// names the ListenerSet of other has taken.
const strictAndLax = `
{apiVersion: egraft.io/v1alpha1, kind: FrontendMTLSPolicy, metadata: {name: strict, namespace: infra}, spec: {` + targetEG + `}], trustDomain: example.org, workloadIdentifier: /p1, allowAnyInTrustDomain: true, plaintextListeners: Leave, agent: {socketPath: %[1]s}}}
---
{apiVersion: egraft.io/v1alpha1, kind: FrontendMTLSPolicy, metadata: {name: lax, namespace: infra}, spec: {` + targetEG + `, sectionName: public}], trustDomain: example.org, workloadIdentifier: /p1, clientCertificates: Disabled, agent: {socketPath: %[1]s}}}
---
{apiVersion: egraft.io/v1alpha1, kind: BufferPolicy, metadata: {name: strict, namespace: infra}, spec: {` + targetEG + `}], maxRequestBytes: 1Ki}}
---
{apiVersion: egraft.io/v1alpha1, kind: BufferPolicy, metadata: {name: lax, namespace: infra}, spec: {` + targetEG + `, sectionName: http}], maxRequestBytes: 8Ki}}
`

const targetEG = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg"

// listenerOfAnother checks the responses for clients: a listener with the same name as one with a
// less strict policy has the Gateway's policy. limits are the responses to a request above the
// limit of the Gateway's policy.
func (w *kubeWorld) listenerOfAnother(t *testing.T, limits map[string]int) {
	program, err := os.Readlink("/proc/self/exe")
	require.NoError(t, err)
	require.NoError(t, w.issuer.AddEntry(devspiffe.Entry{ID: manifest.ID("/client"), Path: program}))
	w.entitle(t, 1)
	clients, err := svidClients(t.Context(), w.issuer.Socket(), "/client")
	require.NoError(t, err)
	policies := fmt.Sprintf(strictAndLax, w.issuer.Socket())
	t.Cleanup(func() { w.remove(policies) })
	w.apply(t, policies)

	nobody, somebody := tlsClient{}, clients["/client"]
	w.until(t, "the listeners' policies", func(ctx context.Context) error {
		public, errPublic := nobody.get(ctx, "public.example.com", nil)
		set, errSet := somebody.get(ctx, "set.example.com", nil)
		if err := errors.Join(errPublic, errSet); err != nil {
			return err
		}
		if public.id() != manifest.ID("/p1") || set.id() != manifest.ID("/p1") {
			return fmt.Errorf("Envoy presents %q and %q", public.id(), set.id())
		}
		if err := nobody.rejection(ctx, "set.example.com"); err == nil || !strings.Contains(err.Error(), "certificate required") {
			return fmt.Errorf("a client without a certificate on the ListenerSet's listener: %w", cmp.Or(err, errors.New("is served")))
		}
		return nil
	})
	w.until(t, "the limits", func(ctx context.Context) error {
		for host, want := range limits {
			response, err := uploadTo(ctx, "127.0.0.1:8880", host, "/", io.MultiReader(bytes.NewReader(make([]byte, 2*ki))))
			if err != nil {
				return err
			}
			_ = response.Body.Close()
			if response.StatusCode != want {
				return fmt.Errorf("%s responds with %d instead of %d", host, response.StatusCode, want)
			}
		}
		return nil
	})
}
