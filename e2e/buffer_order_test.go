//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/standalone"
)

// TestBufferingOrder: EnvoyProxy.filterOrder runs scripts before authentication. Nevertheless,
// nothing of an unauthenticated request is buffered, and a script that redirects a request from a
// route without a limit to a route with a limit makes the limit apply.
func TestBufferingOrder(t *testing.T) {
	needs(t, here)
	f := start(t, standalone.Options{FilterOrder: "[{name: envoy.filters.http.lua, before: envoy.filters.http.basic_auth}]"})
	b := f.uploadBackend()
	held, secret, free := f.uploads("held", "http", b), f.uploads("secret", "http", b), f.uploads("free", "http", b)
	f.untilUploaded(secret, bufferLimit+1, 200)
	f.apply("users", basicAuth)
	f.untilUploaded(secret, 1, 401)
	f.apply("script", gateScript("free", `handle:headers():replace(":authority", "`+held+`")`))
	f.bufferPolicy("for-held", "kind: HTTPRoute, name: held", "maxRequestBytes: 64Ki")
	f.bufferPolicy("for-secret", "kind: HTTPRoute, name: secret", "maxRequestBytes: 64Ki")
	f.untilUploaded(held, bufferLimit+1, 413)
	f.untilBegun(secret, 401)
	f.posted(secret, "/", bufferLimit+1, 401)
	f.untilUploaded(free, bufferLimit+1, 413)
	f.posted(free, "/", bufferLimit, 200)

	filters, err := f.HTTPFilters(f.soon())
	f.must(err)
	var kinds []string
	for _, name := range filters[xdsListener("http")+": "+xdsRoutes("http")] {
		kind, _, _ := strings.Cut(name, "/")
		kinds = append(kinds, strings.TrimPrefix(kind, "envoy.filters.http."))
	}
	require.Equal(t, []string{"lua", "basic_auth", "buffer", "router"}, kinds)
}

// basicAuth rejects requests without a password.
const basicAuth = `
apiVersion: v1
kind: Secret
metadata: {name: users, namespace: default}
data: {.htpasswd: dXNlcjp7U0hBfTVlbjZHNk1lelJyb1QzWEtxa2RQT21ZL0JmUT0K}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata: {name: users, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: secret}]
  basicAuth: {users: {name: users}}
`
