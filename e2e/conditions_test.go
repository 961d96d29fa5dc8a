//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/egraft/egraft/e2e/apiserver"
	"github.com/egraft/egraft/e2e/manifest"
)

// conditions: what became of an object of each kind, right, wrong or overridden, is told
// where a user looks for it. egraft has Envoy Gateway's ServiceAccount.
func (c *inCluster) conditions(s *scenario) {
	c.everyKindIsTold(s)
	s.kubectl(c, "patch", "hedgefilter", "hedge-slow", "--type=merge", "--patch", `{"spec":{"perTryTimeout":"1s"}}`)
	c.hasConditions(s, "hedgefilter/hedge-slow", [2]string{"True Accepted ", "True Programmed requests that take longer than 1s are sent once more"})
	log, err := s.env.Log(s.soon(), "egraft")
	s.must(err)
	nothingIsForbidden(s, string(log))
}

func (c *inCluster) everyKindIsTold(s *scenario) {
	s.t.Helper()
	c.httpsListener(s)
	s.routes(manifest.Route{Name: "slow"}, manifest.Route{Name: "plain"})
	s.applied = append(s.applied, "filtered", "every-kind")
	s.must(s.env.Apply(s.ctx, "every-kind", everyKind))
	s.must(s.env.Apply(s.ctx, "filtered", filteredRoutes))
	for object, begin := range eventsOfEveryKind {
		c.hasEvent(s, object, begin)
	}
	for object, want := range conditionsOfEveryKind {
		c.hasConditions(s, object, want)
	}
	for _, policy := range []string{"backendmtlspolicy/backend-listener", "frontendmtlspolicy/frontend-listener", "bufferpolicy/buffer-listener"} {
		s.kubectl(c, "wait", policy, acceptedByGateway, "--timeout=20s")
	}
}

// nothingIsForbidden looks for what egraft logs when it cannot write.
func nothingIsForbidden(s *scenario, log string) {
	s.t.Helper()
	for _, line := range []string{"a permission is missing", "was rejected", "are not written to Kubernetes"} {
		require.NotContains(s.t, log, line)
	}
}

// hasConditions waits until an object's Accepted and Programmed begin with "STATUS REASON
// MESSAGE" and are about what the object says now.
func (c *inCluster) hasConditions(s *scenario, object string, want [2]string) {
	s.t.Helper()
	s.wait("conditions of "+object, func(ctx context.Context) error {
		read, err := c.Kubectl.Run(ctx, "get", object, "--output=json")
		if err != nil {
			return err
		}
		var got struct {
			Metadata struct{ Generation int64 }
			Status   struct{ Conditions []metav1.Condition }
		}
		if err := json.Unmarshal([]byte(read), &got); err != nil {
			return err
		}
		for i, name := range []string{"Accepted", "Programmed"} {
			condition := meta.FindStatusCondition(got.Status.Conditions, name)
			if condition == nil || condition.ObservedGeneration != got.Metadata.Generation ||
				!strings.HasPrefix(fmt.Sprintf("%s %s %s", condition.Status, condition.Reason, condition.Message), want[i]) {
				return fmt.Errorf("%s is %+v", name, condition)
			}
		}
		return nil
	})
}

// httpsListener gives the Gateway one until the end.
func (c *inCluster) httpsListener(s *scenario) {
	s.t.Helper()
	dir := s.t.TempDir()
	pki, err := apiserver.NewPKI(dir)
	s.must(err)
	_, err = pki.Server("https", nil, "plain.example.com")
	s.must(err)
	s.kubectl(c, "create", "secret", "tls", "https", "--cert="+filepath.Join(dir, "https.crt"), "--key="+filepath.Join(dir, "https.key"))
	s.kubectl(c, "patch", "gateway", "eg", "--type=json", "--patch",
		`[{"op":"add","path":"/spec/listeners/-","value":{"name":"https","protocol":"HTTPS","port":443,"tls":{"certificateRefs":[{"name":"https"}]}}}]`)
	s.t.Cleanup(func() {
		s.kubectl(c, "patch", "gateway", "eg", "--type=json", "--patch", `[{"op":"remove","path":"/spec/listeners/1"}]`)
		s.kubectl(c, "delete", "secret", "https")
	})
}

// eventsOfEveryKind are how those of the objects in [everyKind] begin.
var eventsOfEveryKind = map[string]string{
	"BackendMTLSPolicy/backend-listener":     "Programmed Envoy presents spiffe://example.org/envoy to spiffe://example.org/echo;",
	"BackendMTLSPolicy/backend-gateway":      "Overridden BackendMTLSPolicy default/backend-listener has a more specific target",
	"BackendMTLSPolicy/backend-wrong":        "Invalid spec.targetSelectors[0].matchLabels: Invalid value:",
	"FrontendMTLSPolicy/frontend-listener":   "Programmed Envoy presents spiffe://example.org/envoy and accepts spiffe://example.org/client (Required);",
	"FrontendMTLSPolicy/frontend-gateway":    "Overridden FrontendMTLSPolicy default/frontend-listener has a more specific target",
	"FrontendMTLSPolicy/frontend-wrong":      "Invalid spec.targetSelectors[0].matchLabels: Invalid value:",
	"BufferPolicy/buffer-listener":           "Programmed requests of up to 64Ki are held until they are complete;",
	"BufferPolicy/buffer-gateway":            "Overridden BufferPolicy default/buffer-listener has a more specific target",
	"BufferPolicy/buffer-wrong":              "Invalid spec.targetSelectors[0].matchLabels: Invalid value:",
	"HedgeFilter/hedge":                      "Programmed requests that take longer than 150ms are sent once more",
	"HedgeFilter/hedge-slow":                 "ApplyFailed HedgeFilter default/hedge-slow: spec.perTryTimeout is 20s",
	"HedgeFilter/hedge-z-second":             "Conflicted HedgeFilter default/hedge-a-first is ",
	"OriginalDestinationBackend/pool":        "Programmed Envoy connects to the destination in metadata egraft.io:destination, if it is in allowedCIDRs; retries, hedging, load balancing, health checks, outlier detection and session persistence of other policies have no effect on it",
	"OriginalDestinationBackend/pool-second": "Conflicted OriginalDestinationBackend default/pool-second and OriginalDestinationBackend default/pool-third",
	"OriginalDestinationBackend/pool-wrong":  "Invalid spec.tls.caBundle: Invalid value: must be certificates in PEM: number 1 of 1 cannot be read",
}

// conditionsOfEveryKind are those of filters and backends, after Accepted and Programmed the
// reason and the beginning of the message; the status of policies is Envoy Gateway's.
var conditionsOfEveryKind = map[string][2]string{
	"hedgefilter/hedge":                      {"True Accepted ", "True Programmed requests that take"},
	"hedgefilter/hedge-slow":                 {"True Accepted ", "False ApplyFailed HedgeFilter default/hedge-slow: spec.perTryTimeout is 20s"},
	"hedgefilter/hedge-z-second":             {"False Conflicted HedgeFilter default/hedge-a-first", "False Conflicted HedgeFilter default/hedge-a-first"},
	"originaldestinationbackend/pool":        {"True Accepted ", "True Programmed Envoy connects"},
	"originaldestinationbackend/pool-second": {"False Conflicted ", "False Conflicted "},
	"originaldestinationbackend/pool-wrong":  {"False Invalid spec.tls.caBundle: ", "False Invalid spec.tls.caBundle: "},
}

// everyKind has, of each kind, an object that is in effect, one that is wrong, as far as the API
// server takes it, and one that another one keeps from being in effect.
const everyKind = `
apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {namespace: default, name: backend-listener}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}
  trustDomain: example.org
  workloadIdentifier: /envoy
  peers: [{exact: spiffe://example.org/echo}]
---
apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {namespace: default, name: backend-gateway}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  allowAnyInTrustDomain: true
---
apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {namespace: default, name: backend-wrong}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: slow}]
  targetSelectors: [{kind: HTTPRoute, matchLabels: {backends: 'not a label'}}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  peers: [{exact: spiffe://example.org/echo}]
---
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {namespace: default, name: frontend-listener}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}
  trustDomain: example.org
  workloadIdentifier: /envoy
  clients: [{exact: spiffe://example.org/client}]
  plaintextListeners: Leave
---
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {namespace: default, name: frontend-gateway}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  allowAnyInTrustDomain: true
---
apiVersion: egraft.io/v1alpha1
kind: FrontendMTLSPolicy
metadata: {namespace: default, name: frontend-wrong}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}]
  targetSelectors: [{kind: Gateway, matchLabels: {clients: 'not a label'}}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  clients: [{exact: spiffe://example.org/client}]
---
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {namespace: default, name: buffer-listener}
spec:
  targetRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: http}
  - {group: gateway.networking.k8s.io, kind: Gateway, name: eg, sectionName: https}
  maxRequestBytes: 64Ki
---
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {namespace: default, name: buffer-gateway}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  maxRequestBytes: 1Mi
---
apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {namespace: default, name: buffer-wrong}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: slow}]
  targetSelectors: [{kind: HTTPRoute, matchLabels: {uploads: 'not a label'}}]
  maxRequestBytes: 1Mi
---
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {namespace: default, name: hedge}
spec: {perTryTimeout: 150ms}
---
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {namespace: default, name: hedge-slow}
spec: {perTryTimeout: 20s}
---
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {namespace: default, name: hedge-a-first}
spec: {perTryTimeout: 1s}
---
apiVersion: egraft.io/v1alpha1
kind: HedgeFilter
metadata: {namespace: default, name: hedge-z-second}
spec: {perTryTimeout: 1s}
---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: pool}
spec: {allowedCIDRs: [10.0.0.0/8]}
---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: pool-second}
spec: {allowedCIDRs: [10.0.0.0/8]}
---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: pool-third}
spec: {allowedCIDRs: [10.0.0.0/8]}
---
apiVersion: egraft.io/v1alpha1
kind: OriginalDestinationBackend
metadata: {namespace: default, name: pool-wrong}
spec: {allowedCIDRs: [10.0.0.0/8], tls: {hostname: pool.example.org, caBundle: "-----BEGIN CERTIFICATE-----\n"}}
`

// filteredRoutes name the filters and backends of [everyKind].
var filteredRoutes = hedgedRoute("hedge") + hedgedRoute("hedge-slow") + hedgedRoute("hedge-a-first", "hedge-z-second") +
	pooledRoute("pool") + pooledRoute("pool-second", "pool-third") + pooledRoute("pool-wrong")

// hedgedRoute is one whose rule has filters.
func hedgedRoute(filters ...string) string {
	var list []string
	for _, f := range filters {
		list = append(list, "{type: ExtensionRef, extensionRef: {group: egraft.io, kind: HedgeFilter, name: "+f+"}}")
	}
	return ruleOf(filters[0], "filters: ["+strings.Join(list, ", ")+"], backendRefs: [{name: plain, port: 443}]")
}

// pooledRoute is one whose rule has backends.
func pooledRoute(backends ...string) string {
	var list []string
	for _, b := range backends {
		list = append(list, "{group: egraft.io, kind: OriginalDestinationBackend, name: "+b+"}")
	}
	return ruleOf(backends[0], "backendRefs: ["+strings.Join(list, ", ")+"]")
}

func ruleOf(name, rule string) string {
	return fmt.Sprintf(`
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg}]
  hostnames: [%[1]s.example.com]
  rules: [{%[2]s}]
`, name, rule)
}
