package manifest

import (
	"fmt"
	"strings"
)

// Route is an HTTPRoute with a backend of its own.
type Route struct {
	// Name is the name of the HTTPRoute and of the Backend. The host name is NAME.example.com.
	Name string
	// Port is the backend's, on 127.0.0.1.
	Port int
	// App is the label of the backend's pods. The route then has a Service with port 443 instead of
	// a Backend.
	App string
	// Section is the Gateway's listener; all if empty.
	Section string
	// CA declares, with a BackendTLSPolicy, that the backend uses TLS with a certificate of this
	// authority (in PEM) for the name in Hostname. Without it, the backend is declared to use
	// cleartext.
	CA       []byte
	Hostname string
}

// Host returns the host name that the route serves.
func (r Route) Host() string { return r.Name + ".example.com" }

// YAML returns the route as resources.
func (r Route) YAML() string {
	section := ""
	if r.Section != "" {
		section = ", sectionName: " + r.Section
	}
	reference, target := r.backend()
	out := fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: %[1]s, namespace: default}
spec:
  parentRefs: [{name: eg%[2]s}]
  hostnames: [%[3]s]
  rules: [{backendRefs: [{%[4]s}]}]
`, r.Name, section, r.Host(), reference)
	if r.App != "" {
		out += fmt.Sprintf(`---
apiVersion: v1
kind: Service
metadata: {name: %[1]s, namespace: default}
spec: {selector: {app: %[2]s}, ports: [{port: 443, targetPort: 8443}]}
`, r.Name, r.App)
	} else {
		out += fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: %[1]s, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %[2]d}}]}
`, r.Name, r.Port)
	}
	if r.CA == nil {
		return out
	}
	return out + fmt.Sprintf(`---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {name: %[1]s, namespace: default}
spec:
  targetRefs: [{%[2]s}]
  validation: {hostname: %[3]s, caCertificateRefs: [{group: "", kind: ConfigMap, name: %[1]s}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: %[1]s, namespace: default}
data:
  ca.crt: |
%[4]s
`, r.Name, target, r.Hostname, indent(string(r.CA)))
}

// backend returns the references to the backend in a route and in a policy.
func (r Route) backend() (reference, target string) {
	if r.App != "" {
		target = `group: "", kind: Service, name: ` + r.Name
		return target + ", port: 443", target
	}
	target = "group: gateway.envoyproxy.io, kind: Backend, name: " + r.Name
	return target, target
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}
