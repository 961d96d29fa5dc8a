package xdspatchpolicy_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// many returns n policies of a target, each of which sets a different field of its messages.
func many(n int, target, kind string) (all [][]byte) {
	for i := range n {
		all = append(all, policy(target, fmt.Sprintf("p%03d", i), fmt.Sprintf(`{"select":{"kind":%q},"merge":{"metadata":{"filter_metadata":{"k%d":{"a":"b"}}}}}`, kind, i)))
	}
	return all
}

// within is the limit of policies of a namespace.
const within = 32

// TestManyPoliciesOfAGateway: the policies with precedence take effect, up to the limit of the
// namespace. The others are reported and not tried on any message.
func TestManyPoliciesOfAGateway(t *testing.T) {
	w := newWorld(t, 3)
	w.ofGateway = many(1000, "eg", "Cluster")
	res := w.translate(t)
	require.Len(t, res.Policies, 1000)
	for i, p := range res.Policies {
		if i < within {
			require.Equal(t, mutator.Programmed, p.Reason, p.Message)
			continue
		}
		require.Equal(t, mutator.ApplyFailed, p.Reason)
		require.Equal(t, "32 policies of namespace default with precedence are attached to Gateways of the same Envoy, which is the limit: combine their patches in fewer policies; its targets are served without it", p.Message)
	}
	require.Len(t, clusterIn(t, res, 0).GetMetadata().GetFilterMetadata(), 1+within)
	require.Len(t, res.Outcomes, 4, "and so the outcome of the call is small")
	require.NotNil(t, host(t, res).GetRoutes()[0].GetRoute())

	w.ofGateway[999] = bytes.Replace(w.ofGateway[999], []byte(`"spec":{`), []byte(`"spec":{"failurePolicy":"Deny",`), 1)
	res = w.translate(t)
	require.Contains(t, messageOf(res, "p999"), "requests to its targets are rejected")
	require.Nil(t, host(t, res).GetRoutes()[0].GetRoute(), "one that denies is not passed over")
}

// TestManyPoliciesOfARoute: a route carries as many policies as fit, and the Route hook reports the
// rest.
func TestManyPoliciesOfARoute(t *testing.T) {
	large := func(i int) string { // random, so that it does not compress
		var text bytes.Buffer
		for j := range 40 {
			fmt.Fprintf(&text, "%x", uint64(i*1000+j+1)*0x9e3779b97f4a7c15)
		}
		return fmt.Sprintf(`{"select":{"kind":"Route"},"merge":{"metadata":{"filter_metadata":{"k%d":{"a":%q}}}}}`, i, text.String())
	}
	for name, c := range map[string]struct {
		policies [][]byte
		fit      func(int) bool
	}{
		"too many":  {many(100, "r0", "Route"), func(n int) bool { return n == within }},
		"too large": {[][]byte{policy("r0", "p000", large(0)), policy("r0", "p001", large(1)), policy("r0", "p002", large(2)), policy("r0", "p003", large(3)), policy("r0", "p004", large(4)), policy("r0", "p005", large(5)), policy("r0", "p006", large(6)), policy("r0", "p007", large(7))}, func(n int) bool { return n > 1 && n < 8 }},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.ofRoutes[0] = c.policies
			call := func() *engine.Response {
				res, err := w.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: c.policies, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{encoded(t, w.routes[0])}}}})
				require.NoError(t, err)
				return res
			}
			ofHook := call()
			require.Equal(t, ofHook.Policies, call().Policies, "from the cache")
			res := w.translate(t)
			require.True(t, c.fit(len(res.Policies)), len(res.Policies))
			require.Len(t, ofHook.Policies, len(c.policies)-len(res.Policies), "each is told once, by one of the hooks")
			for i, p := range res.Policies {
				require.Equal(t, fmt.Sprintf("p%03d", i), p.Policy.Name, "those with precedence")
				require.Equal(t, mutator.Programmed, p.Reason)
			}
			for _, p := range ofHook.Policies {
				require.Equal(t, mutator.ApplyFailed, p.Reason)
				require.Contains(t, p.Message, fmt.Sprintf("%d policies with precedence are in effect on the same route: it can carry at most 32, with 3072 bytes when compressed", len(res.Policies)))
			}
		})
	}
}

// TestTooLargeForARoute: the Route hook reports a policy that is too large for a route.
func TestTooLargeForARoute(t *testing.T) {
	w := newWorld(t, 1)
	var text bytes.Buffer
	for i := range 500 {
		fmt.Fprintf(&text, "%x", uint64(i+1)*0x9e3779b97f4a7c15)
	}
	p := policy("r0", "p", fmt.Sprintf(`{"select":{"kind":"Route"},"merge":{"metadata":{"filter_metadata":{"k":{"a":%q}}}}}`, text.String()))
	res, err := w.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: [][]byte{p}, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{encoded(t, w.routes[0])}}}})
	require.NoError(t, err)
	require.Equal(t, map[string]mutator.Reason{"p": mutator.ApplyFailed}, outcomes(res))
	require.Regexp(t, `takes \d+ bytes on each xDS route of its target, more than the 3072 that a policy may take`, messageOf(res, "p"))
}
