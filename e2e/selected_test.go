//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/e2e/envoy"
	"github.com/egraft/egraft/e2e/manifest"
)

// Limits that policies set by labels. The backend responds without reading a body.
const (
	limitOfGateway = 1 * ki
	limitOfRoute   = 8 * ki
)

// selected: policies select their targets by labels. Envoy Gateway supports that only with
// Kubernetes: its file provider selects nothing.
func (c *inCluster) selected(s *scenario) {
	chosen, other := manifest.Route{Name: "chosen"}, manifest.Route{Name: "other"}
	s.routes(chosen, other)
	s.until(chosen.Host(), "the backend to reject cleartext", envoy.Status(400))
	c.byLabels(s, "mtls-by-label", "BackendMTLSPolicy", "{kind: Gateway, matchLabels: {team: a}}", mtlsFields)
	c.byLabels(s, "buffer-gateway", "BufferPolicy", "{kind: Gateway, matchLabels: {team: a}}", "maxRequestBytes: 1Ki")
	c.byLabels(s, "buffer-route", "BufferPolicy", "{kind: HTTPRoute, matchExpressions: [{key: uploads, operator: In, values: [large]}]}", "maxRequestBytes: 8Ki")

	c.label(s, "gateway/eg", "team=a")
	for _, r := range []manifest.Route{chosen, other} {
		s.until(r.Host(), "the SVID", seesEnvoy)
		c.untilPosted(s, r.Host(), limitOfGateway+1, 413)
	}
	s.kubectl(c, "wait", "bufferpolicy/buffer-gateway", acceptedByGateway, "--timeout=20s")

	c.label(s, "httproute/chosen", "uploads=large")
	c.untilPosted(s, chosen.Host(), limitOfRoute, 200)
	c.takesUpTo(s, chosen.Host(), limitOfRoute)
	c.takesUpTo(s, other.Host(), limitOfGateway)
	s.kubectl(c, "wait", "bufferpolicy/buffer-route", acceptedByGateway, "--timeout=20s")
	c.hasEvent(s, "BufferPolicy/buffer-route", "Programmed EGR300: requests of up to 8Ki are buffered until they are complete; routes: 1;")
	c.hasEvent(s, "BufferPolicy/buffer-gateway", "Programmed EGR300: requests of up to 1Ki are buffered until they are complete; routes: 1;")

	c.label(s, "httproute/other", "uploads=large")
	c.untilPosted(s, other.Host(), limitOfRoute, 200)
	c.hasEvent(s, "BufferPolicy/buffer-gateway", "Overridden EGR303: BufferPolicy default/buffer-route has a more specific target and overrides this policy everywhere")

	c.label(s, "httproute/chosen", "uploads-")
	c.untilPosted(s, chosen.Host(), limitOfGateway+1, 413)
	c.takesUpTo(s, other.Host(), limitOfRoute)

	c.label(s, "gateway/eg", "team-")
	s.until(chosen.Host(), "cleartext again", envoy.Status(400))
}

// selectedFromElsewhere is the example of docs/backend-mtls-policy.md, which selects in another
// namespace, with the grant that should permit it.
func (c *inCluster) selectedFromElsewhere(s *scenario) {
	s.kubectl(c, "create", "namespace", "policies")
	s.t.Cleanup(func() { s.kubectl(c, "delete", "namespace", "policies", "--wait=false") })
	far := manifest.Route{Name: "far"}
	s.routes(far)
	c.label(s, "httproute/far", "backends=spiffe")
	s.until(far.Host(), "the backend to reject cleartext", envoy.Status(400))

	example := exampleOf(s, "../docs/backend-mtls-policy.md", "everywhere")
	s.applied = append(s.applied, "everywhere")
	const second = `  - group: gateway.envoyproxy.io
    kind: BackendTrafficPolicy
    namespace: policies
`
	require.Contains(s.t, example, second)
	s.must(s.env.Apply(s.ctx, "everywhere", strings.ReplaceAll(example, second, "")))
	c.byLabels(s, "all-gateways", "BufferPolicy", "{kind: Gateway}", "maxRequestBytes: 1Ki")
	c.untilPosted(s, far.Host(), limitOfGateway+1, 413) // Envoy Gateway has processed the earlier resources
	require.Equal(s.t, 400, s.get(far.Host(), "/").Status, "a grant for the policy alone is enough: the page is out of date")

	s.must(s.env.Apply(s.ctx, "everywhere", example))
	s.until(far.Host(), "the SVID", seesEnvoy)
}

// exampleOf returns the YAML in a page that has a resource with a name.
func exampleOf(s *scenario, path, name string) string {
	s.t.Helper()
	page, err := os.ReadFile(path)
	s.must(err)
	for _, block := range regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if strings.Contains(block[1], "name: "+name+"\n") {
			return block[1]
		}
	}
	s.t.Fatalf("%s has no example with %s", path, name)
	return ""
}

// mtlsFields are fields of a BackendMTLSPolicy that do not matter here.
const mtlsFields = "trustDomain: example.org, workloadIdentifier: /envoy, peers: [{exact: spiffe://example.org/echo}]"

// acceptedByGateway is the condition that Envoy Gateway sets on a policy for which it found a
// target.
const acceptedByGateway = `--for=jsonpath={.status.ancestors[0].conditions[?(@.type=="Accepted")].status}=True`

// byLabels applies a policy with a selector instead of names.
func (c *inCluster) byLabels(s *scenario, name, kind, selector, fields string) {
	s.t.Helper()
	s.applied = append(s.applied, name)
	s.must(s.env.Apply(s.ctx, name, fmt.Sprintf(`
apiVersion: egraft.io/v1alpha1
kind: %s
metadata: {name: %s, namespace: default}
spec: {targetSelectors: [%s], %s}
`, kind, name, selector, fields)))
}

// label changes a label, or removes it if the change ends with "-".
func (c *inCluster) label(s *scenario, object, change string) {
	s.t.Helper()
	s.kubectl(c, "label", "--overwrite", object, change)
}

// posted sends a body without a declared length, and returns the status of the response.
func (c *inCluster) posted(ctx context.Context, host string, size int) (int, error) {
	response, err := uploadTo(ctx, c.Listener(), host, "/", io.MultiReader(bytes.NewReader(make([]byte, size))))
	if err != nil {
		return 0, err
	}
	return response.StatusCode, response.Body.Close()
}

// untilPosted waits until a body of a size gets a response with the given status.
func (c *inCluster) untilPosted(s *scenario, host string, size, status int) {
	s.t.Helper()
	s.wait(fmt.Sprintf("%d for %d bytes to %s", status, size, host), func(ctx context.Context) error {
		got, err := c.posted(ctx, host, size)
		if err == nil && got != status {
			err = fmt.Errorf("got %d", got)
		}
		return err
	})
}

// takesUpTo requires that a route accepts bodies up to a limit. A request without a response is
// sent again: the rejection of the previous one may have closed the connection to Envoy.
func (c *inCluster) takesUpTo(s *scenario, host string, limit int) {
	s.t.Helper()
	for size, want := range map[int]int{limit: 200, limit + 1: 413} {
		var got int
		s.wait("a response of "+host, func(ctx context.Context) (err error) {
			got, err = c.posted(ctx, host, size)
			return err
		})
		require.Equal(s.t, want, got, "%d bytes to %s", size, host)
	}
}
