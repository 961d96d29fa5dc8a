// Package pagetest serves pages about invented Gateways, for tests in Go and in a browser.
//
// It must not be used outside of tests.
package pagetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/egraft/egraft/internal/admin"
	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/doctor"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/finding"
	"github.com/egraft/egraft/internal/page"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/catalog"
)

// Secret is a secret in the configuration that must not appear on any page.
const Secret = "hunter2"

// Invented describes the content of a page.
type Invented struct {
	// Name is the name of a policy with an invalid target, and of that target.
	Name string
	// Clusters is the number of the Gateway's clusters, and Policies the number of further policies.
	Clusters, Policies int
	called, hostile    bool
}

// World returns a Gateway with one policy in effect and one without effect.
func World() Invented { return Invented{Name: "typo", Clusters: 3, called: true} }

// Hostile returns a World with a hostile name, also for a Gateway in the history.
func Hostile(name string) Invented {
	return Invented{Name: name, Clusters: 1, called: true, hostile: true}
}

// Empty returns an egraft that has received no call.
func Empty() Invented { return Invented{} }

// Handler serves the page about a world to this host.
func Handler(t testing.TB, w Invented) http.Handler {
	t.Helper()
	features := catalog.Builtin(catalog.Options{MaxBufferBytes: 1 << 20})
	e, err := engine.New(features)
	if err != nil {
		t.Fatal(err)
	}
	calls := w.calls(t)
	server := explain.NewServer(&explain.Explainer{Engine: e, Features: features}, calls.of)
	api := admin.New()
	page.Serve(api, page.Config{
		Explain: server.Report, Calls: w.history, Facts: w.facts, Checks: w.checks, Now: time.Now,
	})
	return api
}

func quoted(text string) string {
	q, _ := json.Marshal(text) // a string can always be marshalled
	return string(q)
}

// policy returns a policy in YAML whose target is a Gateway.
func policy(name, gateway string) string {
	return fmt.Sprintf(`{apiVersion: egraft.io/v1alpha1, kind: BackendMTLSPolicy, metadata: {name: %s, namespace: default, generation: 1},
  spec: {targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: %s}], trustDomain: example.org, workloadIdentifier: /envoy,
  peers: [{exact: spiffe://example.org/echo}], agent: {socketPath: /run/spire/agent.sock}}}`, quoted(name), quoted(gateway))
}

// calls returns a recording of one translation.
func (w Invented) calls(t testing.TB) recorded {
	t.Helper()
	if !w.called {
		return recorded{&recording.Recording{}}
	}
	policies := []string{policy("fine", "eg"), policy(w.Name, w.Name)}
	for i := range w.Policies {
		policies = append(policies, policy(fmt.Sprint("more-", i), "none"))
	}
	var clusters, routes []string
	for i := range w.Clusters {
		owner := fmt.Sprintf(`metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: HTTPRoute, name: shop-%d, namespace: default}]}}}`, i)
		clusters = append(clusters, fmt.Sprintf(`{name: httproute/default/shop-%d/rule/0, type: EDS, edsClusterConfig: {edsConfig: {ads: {}}}, %s}`, i, owner))
		routes = append(routes, fmt.Sprintf(`{name: r%d, match: {prefix: /%d}, route: {cluster: httproute/default/shop-%d/rule/0}, %s}`, i, i, i, owner))
	}
	text := fmt.Sprintf(`{hook: Translation, objects: [%s], resources: {Cluster: [%s],
  Secret: [{name: cert, genericSecret: {secret: {inlineString: %s}}}],
  RouteConfiguration: [{name: default/eg/http, virtualHosts: [{name: default/eg/http/x, domains: [shop.example.com],
    metadata: {filterMetadata: {envoy-gateway: {resources: [{kind: Gateway, name: eg, namespace: default, sectionName: http}]}}}, routes: [%s]}]}]}}`,
		strings.Join(policies, ","), strings.Join(clusters, ","), Secret, strings.Join(routes, ","))
	steps, err := callfile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return recorded{&recording.Recording{Calls: []*recording.Call{{Meta: w.history(t.Context())[0], Call: steps[0].Call}}}}
}

// facts and checks describe an egraft with one failed check.
func (w Invented) facts() doctor.Egraft {
	now := time.Now()
	f := doctor.Egraft{Name: "egraft", Version: "v0", Started: now.Add(-time.Hour), Calls: []doctor.Calls{{Hook: "Route"}, {Hook: "Translation"}}}
	if w.called {
		f.Calls[1] = doctor.Calls{Hook: "Translation", OK: 7, Failed: 1, Last: now.Add(-time.Minute), LastCode: "OK", LargestBytes: 17_000_000}
	}
	return f
}

func (w Invented) checks() []doctor.Result {
	return []doctor.Result{
		{Code: finding.NotCalled.ID, Name: "Called", Title: "Envoy Gateway calls egraft", Status: doctor.OK},
		{
			Code: finding.MessageLimit.ID, Name: "Fits", Title: "messages fit", Status: doctor.Failed, Link: finding.MessageLimit.Link(),
			Problems: []doctor.Problem{{Status: doctor.Failed, Message: "a message of " + w.Name + " is too large", Remedy: "Raise the limit:\n$ helm upgrade"}},
		},
	}
}
