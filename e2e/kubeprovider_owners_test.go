//go:build e2e

package e2e

import (
	"fmt"
	"strings"
)

// owners are the namespaces infra and other, each with a Gateway; both Gateways and their listeners
// have the same names. The Gateway of infra admits routes and ListenerSets of other, which has
// both. %[1]t is whether the Gateways are merged, and %[2]d and %[3]d are the ports of other's
// Gateway, the same as infra's if they are merged.
const owners = `
apiVersion: v1
kind: Namespace
metadata: {name: infra}
---
apiVersion: v1
kind: Namespace
metadata: {name: other}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: proxy, namespace: envoy-gateway-system}
spec: {mergeGateways: %[1]t}
---
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: proxy, namespace: envoy-gateway-system}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: infra, labels: {mine: "yes"}}
spec:
  gatewayClassName: eg
  allowedListeners: {namespaces: {from: All}}
  listeners:
  - {name: http, port: 8880, protocol: HTTP, hostname: "*.infra.example.com", allowedRoutes: {namespaces: {from: All}}}
  - {name: https, port: 8443, protocol: HTTPS, hostname: "*.infra.example.com", allowedRoutes: {namespaces: {from: All}}, tls: {certificateRefs: [{name: cert}]}}
  - {name: public, port: 8443, protocol: HTTPS, hostname: public.example.com, tls: {certificateRefs: [{name: cert}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: other, labels: {mine: "yes"}}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, port: %[2]d, protocol: HTTP, hostname: "*.other.example.com"}
  - {name: https, port: %[3]d, protocol: HTTPS, hostname: "*.other.example.com", tls: {certificateRefs: [{name: cert}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: ListenerSet
metadata: {name: set, namespace: other}
spec:
  parentRef: {name: eg, namespace: infra}
  listeners:
  - {name: http, port: 8880, protocol: HTTP, hostname: set.example.com}
  - {name: public, port: 8443, protocol: HTTPS, hostname: set.example.com, tls: {certificateRefs: [{name: cert}]}}
`

// ownedRoute is a route with a backend on which nothing listens.
const ownedRoute = `---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[2]s, namespace: %[1]s, labels: {%[3]s}}
spec:
  parentRefs: [{%[4]s}]
  hostnames: [%[5]s.example.com]
  rules: [{backendRefs: [{name: backend, port: 80}]}]
`

const ownedBackend = `---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: %[1]s}
spec: {ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: backend, namespace: %[1]s, labels: {kubernetes.io/service-name: backend}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints: [{addresses: [192.0.2.1], conditions: {ready: true}}]
`

// applyOwners applies the owners and their routes, in one Envoy or in two.
func (w *kubeWorld) applyOwners(merged bool) {
	w.t.Helper()
	http, https := 8881, 8444
	if merged {
		http, https = 8880, 8443
	}
	var out strings.Builder
	fmt.Fprintf(&out, owners, merged, http, https)
	for _, r := range [][5]any{
		{"infra", "own", `mine: "yes"`, "name: eg", "own.infra"},
		{"infra", "public", "", "name: eg, sectionName: public", "public"},
		{"other", "own", `mine: "yes"`, "name: eg", "own.other"},
		{"other", "guest", `mine: "yes"`, "name: eg, namespace: infra", "guest.infra"},
		{"other", "set", "", "group: gateway.networking.k8s.io, kind: ListenerSet, name: set", "set"},
	} {
		fmt.Fprintf(&out, ownedRoute, r[:]...)
	}
	for _, namespace := range []string{"infra", "other"} {
		fmt.Fprintf(&out, ownedBackend, namespace)
		out.WriteString(w.servingCertificate(namespace))
	}
	w.apply(w.t, out.String())
	if merged {
		w.runEnvoys("eg")
	} else {
		w.runEnvoys("infra/eg", "other/eg")
	}
}

// infraPlaces returns the hosts and protocols for which policies can differ.
func infraPlaces() []string {
	return []string{"guest.infra http", "guest.infra https", "own.infra http", "own.infra https", "public https", "set http", "set https"}
}

func otherPlaces() []string { return []string{"own.other http", "own.other https"} }
