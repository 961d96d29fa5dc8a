//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/devspiffe"
	"github.com/egraft/egraft/e2e/manifest"
	"github.com/egraft/egraft/e2e/parts"
)

// ownedPolicies has the fields of each kind, with %[1]d for the policy's number and %[2]s for the
// agent's socket.
var ownedPolicies = map[string]string{
	"BackendMTLSPolicy":  "trustDomain: example.org, workloadIdentifier: /p%[1]d, peers: [{exact: spiffe://example.org/backend}], agent: {socketPath: %[2]s}",
	"FrontendMTLSPolicy": "trustDomain: example.org, workloadIdentifier: /p%[1]d, clientCertificates: Disabled, plaintextListeners: Leave, agent: {socketPath: %[2]s}",
	"BufferPolicy":       "maxRequestBytes: 1%03[1]d",
}

// owned is the namespace and the targets of a policy.
type owned struct{ namespace, targets string }

// forRoutes reports whether the policy targets routes, which a kind for listeners cannot.
func (o owned) forRoutes() bool { return strings.Contains(o.targets, "HTTPRoute") }

// yaml returns the policy as a resource.
func (o owned) yaml(kind string, n int, fields string) string {
	return fmt.Sprintf("---\n{apiVersion: egraft.io/v1alpha1, kind: %s, metadata: {name: p%d, namespace: %s}, spec: {%s, %s}}\n", kind, n, o.namespace, o.targets, fields)
}

const (
	byName   = "targetRefs: [{group: gateway.networking.k8s.io, kind: %s, name: %s}]"
	section  = "targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: %s}]"
	byLabels = "{kind: %s, matchLabels: {mine: 'yes'}%s}"
	anywhere = ", namespaces: {from: All}"
)

// grant permits policies of other to select in infra. Envoy Gateway finds it only if it names one
// of Envoy Gateway's own policy kinds and such a policy exists: this one selects nothing.
const grant = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: other, namespace: infra}
spec:
  from:
  - {group: egraft.io, kind: BackendMTLSPolicy, namespace: other}
  - {group: egraft.io, kind: FrontendMTLSPolicy, namespace: other}
  - {group: egraft.io, kind: BufferPolicy, namespace: other}
  - {group: gateway.envoyproxy.io, kind: BackendTrafficPolicy, namespace: other}
  to:
  - {group: gateway.networking.k8s.io, kind: Gateway}
  - {group: gateway.networking.k8s.io, kind: HTTPRoute}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: grant, namespace: other}
spec: {targetSelectors: [{kind: Gateway, matchLabels: {nothing: selected}}]}
`

// ownership is a row of the table: policies, and where each is in effect.
type ownership struct {
	name     string
	granted  bool
	policies []owned
	want     [][]string
}

// ownerships returns the rows. ofSet selects the policy of the ListenerSet's HTTP listener if a
// listener of its Gateway has the same name and a policy: 0 for the Gateway's policy, 1 for that
// listener's.
func ownerships(ofSet int) []ownership {
	gateway, ownRoute := fmt.Sprintf(byName, "Gateway", "eg"), fmt.Sprintf(byName, "HTTPRoute", "own")
	selected := func(selectors ...string) string { return "targetSelectors: [" + strings.Join(selectors, ", ") + "]" }
	gateways, allGateways := fmt.Sprintf(byLabels, "Gateway", ""), fmt.Sprintf(byLabels, "Gateway", anywhere)
	routes, allRoutes := fmt.Sprintf(byLabels, "HTTPRoute", ""), fmt.Sprintf(byLabels, "HTTPRoute", anywhere)
	guest, public := []string{"guest.infra http", "guest.infra https"}, []string{"public https"}
	named := [][]string{{"guest.infra https", "own.infra https", "set https"}, {"guest.infra http", "own.infra http"}, public}
	named[ofSet] = append(named[ofSet], "set http")
	return []ownership{
		{"Gateway", false, []owned{{"other", gateway}}, [][]string{otherPlaces()}},
		{"Gateway with a ListenerSet of another owner", false, []owned{{"infra", gateway}}, [][]string{infraPlaces()}},
		{"a Gateway for each owner", false, []owned{{"infra", gateway}, {"other", gateway}}, [][]string{infraPlaces(), otherPlaces()}},
		{"listener", false, []owned{{"other", fmt.Sprintf(section, "https")}}, [][]string{{"own.other https"}}},
		{
			"listeners that a ListenerSet has the names of", false,
			[]owned{{"infra", gateway}, {"infra", fmt.Sprintf(section, "http")}, {"infra", fmt.Sprintf(section, "public")}},
			named,
		},
		{"HTTPRoute", false, []owned{{"other", ownRoute}}, [][]string{otherPlaces()}},
		{"HTTPRoute on another owner's Gateway", false, []owned{{"other", fmt.Sprintf(byName, "HTTPRoute", "guest")}}, [][]string{guest}},
		{"HTTPRoutes by label", false, []owned{{"other", selected(routes)}}, [][]string{slices.Concat(guest, otherPlaces())}},
		{"HTTPRoutes of all namespaces by label", false, []owned{{"other", selected(allRoutes)}}, [][]string{slices.Concat(guest, otherPlaces())}},
		{
			"HTTPRoutes of all namespaces by label, granted", true,
			[]owned{{"other", selected(allRoutes)}},
			[][]string{slices.Concat(guest, otherPlaces(), []string{"own.infra http", "own.infra https"})},
		},
		{"Gateway by label", false, []owned{{"other", selected(gateways)}}, [][]string{otherPlaces()}},
		{"Gateway and HTTPRoutes by label", false, []owned{{"other", selected(gateways, routes)}}, [][]string{slices.Concat(guest, otherPlaces())}},
		{"Gateway by label and HTTPRoute", false, []owned{{"other", fmt.Sprintf(byName, "HTTPRoute", "guest") + ", " + selected(gateways)}}, [][]string{slices.Concat(guest, otherPlaces())}},
		{"Gateways of all namespaces by label", false, []owned{{"other", selected(allGateways)}}, [][]string{otherPlaces()}},
		{"Gateways of all namespaces by label, granted", true, []owned{{"other", selected(allGateways)}}, [][]string{slices.Concat(infraPlaces(), otherPlaces())}},
	}
}

// table applies each row through Envoy Gateway, with policies of all kinds together.
func (w *kubeWorld) table(t *testing.T, rows []ownership) {
	before := ""
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			manifests, want := "", inEffect{}
			if row.granted {
				manifests = grant
			}
			for i, p := range row.policies {
				w.policies++
				w.entitle(t, w.policies)
				for kind, fields := range ownedPolicies {
					if kind == "FrontendMTLSPolicy" && p.forRoutes() {
						continue
					}
					manifests += p.yaml(kind, w.policies, fmt.Sprintf(fields, w.policies, w.issuer.Socket()))
					for _, place := range row.want[i] {
						if kind != "FrontendMTLSPolicy" || strings.HasSuffix(place, "https") {
							want.add(strconv.Itoa(w.policies), kind, place)
						}
					}
				}
			}
			for _, places := range want {
				slices.Sort(places)
			}
			w.remove(before)
			w.apply(t, manifests)
			before = manifests
			w.untilInEffect(t, want)
		})
	}
	w.remove(before)
	w.untilInEffect(t, inEffect{})
}

// untilInEffect waits until exactly the wanted policies are in effect, and no previous ones.
func (w *kubeWorld) untilInEffect(t *testing.T, want inEffect) {
	t.Helper()
	w.until(t, "the policies to be in effect where expected", func(ctx context.Context) error {
		got, err := w.effect(ctx)
		if err == nil && !assert.ObjectsAreEqual(want, got) {
			err = fmt.Errorf("in effect, by the policy's number:\n%s\nwanted:\n%s", got, want)
		}
		return err
	})
}

// entitle entitles Envoy to the SVID of a policy.
func (w *kubeWorld) entitle(t *testing.T, n int) {
	t.Helper()
	program, err := filepath.EvalSymlinks(w.programs[parts.Envoy])
	require.NoError(t, err)
	require.NoError(t, w.issuer.AddEntry(devspiffe.Entry{ID: manifest.ID(fmt.Sprintf("/p%d", n)), Path: program}))
}
