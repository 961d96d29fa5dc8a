package manifest

import (
	"fmt"
	"strings"
)

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
