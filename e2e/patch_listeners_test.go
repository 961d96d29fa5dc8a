//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
)

// patchesOnAllListeners requires that a Gateway's patch is in effect on each of its listeners, and
// a route's patch on that route, by every version of HTTP. A listener that merged Gateways share is
// unmodified, since it also serves the other Gateway.
func (f *fixture) patchesOnAllListeners(merged bool, hosts map[string][]string) {
	f.apply("patches", patchPolicy("kind: Gateway, name: eg",
		"{select: {kind: HTTPConnectionManager}, merge: {server_name: patched, server_header_transformation: OVERWRITE}}")+"---"+
		strings.Replace(patchPolicy("kind: HTTPRoute, name: web",
			`{select: {kind: Route}, list: {path: response_headers_to_add, append: [{header: {key: x-patched, value: "yes"}}]}}`), "name: patch,", "name: of-route,", 1))
	for host, versions := range hosts {
		for _, version := range versions {
			shared := merged && version == ""
			f.wait("the patches for "+host+" by "+version, func(ctx context.Context) error {
				return f.patchedIs(ctx, version, host, !shared, host == filteredHost)
			})
		}
	}
}

func (f *fixture) patchedIs(ctx context.Context, version, host string, listener, route bool) error {
	response, err := f.answeredBy(ctx, version, host)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	gotListener, gotRoute := response.Header.Get("Server") == "patched", response.Header.Get("X-Patched") == "yes"
	if gotListener != listener || gotRoute != route {
		return fmt.Errorf("%s by %q: listener patched: %t, route patched: %t", host, version, gotListener, gotRoute)
	}
	return nil
}
