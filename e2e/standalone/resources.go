package standalone

import (
	"fmt"
	"strings"

	"github.com/egraft/egraft/e2e/parts"
)

// Addresses in the network namespace of an environment. Envoy Gateway itself
// takes 8080, 8081, 18000, 18002, 19000, 19001 and 19003.
const (
	// ListenerAddress is that of the Gateway's listener "http".
	ListenerAddress = "127.0.0.1:8888"
	// SecondListenerAddress is that of the Gateway's listener "second".
	SecondListenerAddress = "127.0.0.1:8889"
	// EgraftAdminAddress is that of egraft's administration interface.
	EgraftAdminAddress = "127.0.0.1:8090"

	gatewayMetricsAddress = "127.0.0.1:19001"
)

// base is what all environments have, with %[1]s for the run directory and
// %[2]s for Envoy's version.
const base = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: proxy, namespace: default}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: proxy, namespace: default}
spec:
  provider: {type: Host, host: {envoyVersion: "%[2]s"}}
  extraArgs: [--file-flush-interval-msec, "50", --disable-hot-restart]
  telemetry:
    accessLog:
      settings:
        - format:
            type: Text
            text: "%%START_TIME%% %%REQ(:AUTHORITY)%% %%RESPONSE_CODE%% %%RESPONSE_FLAGS%% %%RESPONSE_CODE_DETAILS%% upstream=%%UPSTREAM_CLUSTER%% tls=%%UPSTREAM_TLS_VERSION%% peer=%%UPSTREAM_PEER_URI_SAN%% local=%%UPSTREAM_LOCAL_URI_SAN%% failure=%%UPSTREAM_TRANSPORT_FAILURE_REASON%%\n"
          sinks: [{type: File, file: {path: "%[1]s/log/access.log"}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: default}
spec:
  gatewayClassName: eg
  listeners:
    - {name: http, protocol: HTTP, port: 8888}
    - {name: second, protocol: HTTP, port: 8889}
`

func baseResources(dir string) string { return fmt.Sprintf(base, dir, parts.EnvoyVersion) }

// Route is an HTTPRoute with a backend of its own.
type Route struct {
	// Name is that of the HTTPRoute and of the Backend. The host name is
	// NAME.example.com.
	Name string
	// Port is the backend's, on 127.0.0.1.
	Port int
	// Section is the Gateway's listener, all of them when it is empty.
	Section string
	// CA in PEM declares, by a BackendTLSPolicy, that the backend speaks TLS
	// with a certificate for the host name in Hostname. Without it the backend
	// is declared to speak cleartext.
	CA       []byte
	Hostname string
}

// Host is the host name that the route serves.
func (r Route) Host() string { return r.Name + ".example.com" }

// YAML is the route as resources.
func (r Route) YAML() string {
	section := ""
	if r.Section != "" {
		section = ", sectionName: " + r.Section
	}
	out := fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg%[2]s}]
  hostnames: [%[3]s]
  rules: [{backendRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]}]
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[4]d}}]}
`, r.Name, section, r.Host(), r.Port)
	if r.CA == nil {
		return out
	}
	return out + fmt.Sprintf(`---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: %[1]s, namespace: default}
spec:
  targetRefs: [{group: gateway.envoyproxy.io, kind: Backend, name: %[1]s}]
  validation: {hostname: %[2]s, caCertificateRefs: [{group: "", kind: ConfigMap, name: %[1]s}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s, namespace: default}
data:
  ca.crt: |
%[3]s
`, r.Name, r.Hostname, indent(string(r.CA)))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// ApplyRoutes writes routes, each into a file of its name.
func (e *Environment) ApplyRoutes(routes ...Route) error {
	for _, r := range routes {
		if err := e.Apply(r.Name, r.YAML()); err != nil {
			return err
		}
	}
	return nil
}
