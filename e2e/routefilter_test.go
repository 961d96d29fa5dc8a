//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/parts"
	"github.com/egraft/egraft/e2e/standalone"
)

// routeFilter is the program of examples/route-filter.
const routeFilter parts.Name = "route-filter"

// TestRouteFilter runs the example in egraft's place, with the resources of its README: requests
// of the rule that has the filter are delayed, and no others.
func TestRouteFilter(t *testing.T) {
	needs(t, here)
	const delay, host = 700 * time.Millisecond, "slow.example.com"
	page, err := os.ReadFile("../examples/route-filter/README.md")
	require.NoError(t, err)
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, example)
	require.Contains(t, string(example[1]), "{delay: "+delay.String()+"}")

	f := start(t, standalone.Options{Program: routeFilter})
	backend := f.countingBackend(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "echo") })
	f.route("slow", host, string(example[1])+fmt.Sprintf(`---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: Backend
metadata: {name: echo, namespace: default}
spec: {endpoints: [{ip: {address: 127.0.0.1, port: %d}}]}
`, backend.port))
	f.until(host, "an answer", envoy.Status(200))
	took := func(path string) time.Duration {
		begin := time.Now()
		require.Equal(t, 200, f.get(host, path).Status)
		return time.Since(begin)
	}
	f.wait("a request that is delayed", func(context.Context) error {
		if d := took("/slow"); d < delay {
			return fmt.Errorf("took %s", d)
		}
		return nil
	})
	require.Less(t, took("/"), delay, "another rule of the route")
	f.logged("egraft", "StaticDelayFilter default/slow: 100 % of the requests are delayed by 700ms")
	f.healthy(f.soon())
}
