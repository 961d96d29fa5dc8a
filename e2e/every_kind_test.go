//go:build e2e

package e2e

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/egraft/egraft/internal/wiring"
	"github.com/egraft/egraft/pkg/catalog"
)

// eventsOfEveryKind has the beginnings of the events for the objects in [everyKind].
var eventsOfEveryKind = map[string]string{
	"BackendMTLSPolicy/backend-listener":     "Programmed EGR300: Envoy presents spiffe://example.org/envoy to spiffe://example.org/echo;",
	"BackendMTLSPolicy/backend-gateway":      "Overridden EGR303: BackendMTLSPolicy default/backend-listener has a more specific target",
	"BackendMTLSPolicy/backend-wrong":        "Invalid EGR301: spec.targetSelectors[0].matchLabels: Invalid value:",
	"FrontendMTLSPolicy/frontend-listener":   "Programmed EGR300: Envoy presents spiffe://example.org/envoy and accepts spiffe://example.org/client (Required);",
	"FrontendMTLSPolicy/frontend-gateway":    "Overridden EGR303: FrontendMTLSPolicy default/frontend-listener has a more specific target",
	"FrontendMTLSPolicy/frontend-wrong":      "Invalid EGR301: spec.targetSelectors[0].matchLabels: Invalid value:",
	"BufferPolicy/buffer-listener":           "Programmed EGR300: requests of up to 64Ki are buffered until they are complete;",
	"BufferPolicy/buffer-gateway":            "Overridden EGR303: BufferPolicy default/buffer-listener has a more specific target",
	"BufferPolicy/buffer-wrong":              "Invalid EGR301: spec.targetSelectors[0].matchLabels: Invalid value:",
	"FilterPolicy/filter":                    "Programmed EGR300: requests pass the filter csrf; routes: 2",
	"FilterPolicy/filter-second":             "Conflicted EGR302: FilterPolicy default/filter is ",
	"FilterPolicy/filter-wrong":              "Invalid EGR301: spec.filter.typedConfig: Invalid value: \"filterEnable\"",
	"XDSPatchPolicy/patch":                   "Programmed EGR300: messages patched: Route 2",
	"XDSPatchPolicy/patch-second":            "Conflicted EGR302: XDSPatchPolicy default/patch has precedence",
	"XDSPatchPolicy/patch-wrong":             "Invalid EGR301: spec.patches[0].merge: Invalid value: \"rout\"",
	"HTTPFilter/tag":                         "Programmed EGR300: requests pass the filter csrf; routes: 2",
	"HTTPFilter/tag-wrong":                   "Invalid EGR301: spec.typedConfig: Invalid value: \"filterEnable\"",
	"HedgeFilter/hedge":                      "Programmed EGR300: requests that take longer than 150ms are sent once more",
	"HedgeFilter/hedge-slow":                 "ApplyFailed EGR305: HedgeFilter default/hedge-slow: spec.perTryTimeout is 20s",
	"HedgeFilter/hedge-z-second":             "Conflicted EGR302: HedgeFilter default/hedge-a-first is ",
	"OriginalDestinationBackend/pool":        "Programmed EGR300: Envoy connects to the destination in metadata egraft.io:destination, if it is in allowedCIDRs; retries, hedging, load balancing, health checks, outlier detection and session persistence of other policies have no effect on it",
	"OriginalDestinationBackend/pool-second": "Conflicted EGR302: OriginalDestinationBackend default/pool-second and OriginalDestinationBackend default/pool-third",
	"OriginalDestinationBackend/pool-wrong":  "Invalid EGR301: spec.tls.caBundle: Invalid value: must be certificates in PEM: number 1 of 1 cannot be read",
}

// conditionsOfEveryKind has the conditions of filters and backends: for Accepted and for
// Programmed, the reason and the beginning of the message. The status of policies is Envoy
// Gateway's.
var conditionsOfEveryKind = map[string][2]string{
	"httpfilter/tag":                         {"True Accepted ", "True Programmed requests pass the filter csrf"},
	"httpfilter/tag-wrong":                   {"False Invalid spec.typedConfig: ", "False Invalid spec.typedConfig: "},
	"hedgefilter/hedge":                      {"True Accepted ", "True Programmed requests that take"},
	"hedgefilter/hedge-slow":                 {"True Accepted ", "False ApplyFailed HedgeFilter default/hedge-slow: spec.perTryTimeout is 20s"},
	"hedgefilter/hedge-z-second":             {"False Conflicted HedgeFilter default/hedge-a-first", "False Conflicted HedgeFilter default/hedge-a-first"},
	"originaldestinationbackend/pool":        {"True Accepted ", "True Programmed Envoy connects"},
	"originaldestinationbackend/pool-second": {"False Conflicted ", "False Conflicted "},
	"originaldestinationbackend/pool-wrong":  {"False Invalid spec.tls.caBundle: ", "False Invalid spec.tls.caBundle: "},
}

// everyKind has three objects of each kind: one in effect, an invalid one that the API server
// accepts, and one that another object keeps from being in effect.
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
kind: FilterPolicy
metadata: {namespace: default, name: filter}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  filter: {name: csrf, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filter_enabled: {default_value: {numerator: 100}}}}
---
apiVersion: egraft.io/v1alpha1
kind: FilterPolicy
metadata: {namespace: default, name: filter-second}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  filter: {name: csrf, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filter_enabled: {default_value: {numerator: 100}}}}
---
apiVersion: egraft.io/v1alpha1
kind: FilterPolicy
metadata: {namespace: default, name: filter-wrong}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  filter: {name: wrong, typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filterEnable: {default_value: {numerator: 100}}}}
---
apiVersion: egraft.io/v1alpha1
kind: XDSPatchPolicy
metadata: {namespace: default, name: patch}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  patches: [{select: {kind: Route}, merge: {route: {timeout: 7s}}}]
---
apiVersion: egraft.io/v1alpha1
kind: XDSPatchPolicy
metadata: {namespace: default, name: patch-second}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  patches: [{select: {kind: Route}, merge: {route: {timeout: 8s}}}]
---
apiVersion: egraft.io/v1alpha1
kind: XDSPatchPolicy
metadata: {namespace: default, name: patch-wrong}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: plain}]
  patches: [{select: {kind: Route}, merge: {rout: {timeout: 7s}}}]
---
apiVersion: egraft.io/v1alpha1
kind: HTTPFilter
metadata: {namespace: default, name: tag}
spec: {typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filter_enabled: {default_value: {numerator: 100}}}}
---
apiVersion: egraft.io/v1alpha1
kind: HTTPFilter
metadata: {namespace: default, name: tag-wrong}
spec: {typedConfig: {"@type": type.googleapis.com/envoy.extensions.filters.http.csrf.v3.CsrfPolicy, filterEnable: {default_value: {numerator: 100}}}}
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

// TestEveryKind: the tables above have valid and invalid objects of every kind in the catalog.
func TestEveryKind(t *testing.T) {
	needs := wiring.NeedsOf(catalog.Builtin(catalog.Options{}))
	for _, k := range slices.Concat(needs.Policies, needs.Filters, needs.Backends) {
		told := map[bool]int{}
		for object, begin := range eventsOfEveryKind {
			if strings.HasPrefix(object, k.Kind+"/") {
				told[strings.HasPrefix(begin, "Programmed ")]++
			}
		}
		assert.NotZero(t, told[true], "no %s is in effect", k.Kind)
		assert.NotZero(t, told[false], "every %s is in effect", k.Kind)
	}
	for _, k := range slices.Concat(needs.Filters, needs.Backends) {
		assert.Contains(t, strings.Join(slices.Collect(maps.Keys(conditionsOfEveryKind)), " "), strings.ToLower(k.Kind)+"/", "egraft writes its status")
	}
}
