package backendmtls

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/spiffe"
)

var gvk = New(0).Policies[0].GroupVersionKind

// valid is a valid policy; the tests replace lines of it.
const valid = `apiVersion: egraft.io/v1alpha1
kind: BackendMTLSPolicy
metadata: {name: p, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  trustDomain: example.org
  workloadIdentifier: /envoy
  peers: [{exact: spiffe://example.org/echo}]
`

// read decodes and validates a policy as a hook call does.
func read(t *testing.T, text string) *policy.Object {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	s, err := policy.NewSet(New(0).Policies, [][]byte{raw})
	require.NoError(t, err)
	require.Len(t, s.Of(gvk), 1)
	return s.Of(gvk)[0]
}

func TestDefaults(t *testing.T) {
	o := read(t, valid)
	require.NoError(t, o.Err)
	s := policy.As[v1alpha1.BackendMTLSPolicy](o).Spec
	require.Equal(t, "/spiffe-workload-api/spire-agent.sock", s.Agent.SocketPath)
	require.Equal(t, v1alpha1.PlaintextUpgrade, s.PlaintextBackends)
	require.EqualValues(t, "2s", s.InitialFetchTimeout)
	require.Equal(t, []v1alpha1.TrustDomain{"example.org"}, s.TrustBundles)
}

const notSupported = `is not in the supported subset of RE2: after the literal trust domain, ASCII characters of SPIFFE IDs, . \. \- \/ \d \w, classes, * + ? {n,m} up to 64, and groups with alternatives`

const severalBundles = "spec.allowAnyAuthority: Required value: Envoy gets several bundles, so an authority could sign for peers of other trust domains: set it to true to accept this, or use one policy for each trust domain"

const notInTrustBundles = `must begin with spiffe://, the literal name of a trust domain in trustBundles (by default: trustDomain) and a slash; in a regex, escape the dots`

func TestPoliciesThatAreWrong(t *testing.T) {
	for name, c := range map[string]struct{ replace, with, err string }{
		"no target":                 {"  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]", "", "spec.targetRefs: Required value: name at least one target"},
		"target of another group":   {"group: gateway.networking.k8s.io", "group: apps", `spec.targetRefs[0].group: Unsupported value: "apps": supported values: "gateway.networking.k8s.io"`},
		"target of another kind":    {"kind: Gateway,", "kind: TCPRoute,", `spec.targetRefs[0].kind: Unsupported value: "TCPRoute": supported values: "Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute"`},
		"trust domain with scheme":  {"trustDomain: example.org", "trustDomain: spiffe://example.org", `spec.trustDomain: Invalid value: "spiffe://example.org": trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores`},
		"identifier without slash":  {"/envoy", "envoy", `spec.workloadIdentifier: Invalid value: "envoy": must be the path of a SPIFFE ID, such as /ns/shop/sa/envoy`},
		"identifier with dots":      {"/envoy", "/a/../envoy", `spec.workloadIdentifier: Invalid value: "/a/../envoy": must be the path of a SPIFFE ID, such as /ns/shop/sa/envoy`},
		"nobody named":              {"  peers: [{exact: spiffe://example.org/echo}]", "", "spec.peers: Required value: name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"},
		"nobody named, on purpose?": {"  peers: [{exact: spiffe://example.org/echo}]", "  allowAnyInTrustDomain: false", "spec.peers: Required value: name the peers, or set allowAnyInTrustDomain to true to accept every workload of the trust domain"},
		"peers and any":             {"  peers:", "  allowAnyInTrustDomain: true\n  peers:", "spec.peers: Forbidden: allowAnyInTrustDomain is true: use one of the two"},
		"peer in two ways":          {"[{exact: spiffe://example.org/echo}]", "[{exact: spiffe://example.org/echo, prefix: spiffe://example.org/}]", "spec.peers[0]: Invalid value: 2: set exactly one of exact, prefix and regex"},
		"peer in no way":            {"[{exact: spiffe://example.org/echo}]", "[{}]", "spec.peers[0]: Invalid value: 0: set exactly one of exact, prefix and regex"},
		"peer without path":         {"spiffe://example.org/echo", "spiffe://example.org", `spec.peers[0].exact: Invalid value: "spiffe://example.org": ` + notInTrustBundles},
		"peer without scheme":       {"spiffe://example.org/echo", "example.org/echo", `spec.peers[0].exact: Invalid value: "example.org/echo": ` + notInTrustBundles},
		"peer of another domain":    {"spiffe://example.org/echo", "spiffe://other.org/echo", `spec.peers[0].exact: Invalid value: "spiffe://other.org/echo": ` + notInTrustBundles},
		"prefix of a longer domain": {"exact: spiffe://example.org/echo", "prefix: spiffe://example.org", `spec.peers[0].prefix: Invalid value: "spiffe://example.org": ` + notInTrustBundles},
		"regex that is none":        {"exact: spiffe://example.org/echo", "regex: 'spiffe://example\\.org/('", `spec.peers[0].regex: Invalid value: "spiffe://example\\.org/(": ` + notSupported},
		"regex out of order":        {"exact: spiffe://example.org/echo", "regex: 'spiffe://example\\.org/[z-a]'", "spec.peers[0].regex: Invalid value: \"spiffe://example\\\\.org/[z-a]\": error parsing regexp: invalid character class range: `z-a`"},
		"regex of Unicode":          {"exact: spiffe://example.org/echo", `regex: 'spiffe://example\.org/\p{Letter}'`, `spec.peers[0].regex: Invalid value: "spiffe://example\\.org/\\p{Letter}": ` + notSupported},
		"socket with NUL":           {"  peers:", `  agent: {socketPath: "/a\0b"}` + "\n  peers:", `spec.agent.socketPath: Invalid value: "/a\x00b": must be an absolute path of at most 107 of the characters a-z, A-Z, 0-9 and ._/@+=:,~-`},
		"secret with a space":       {"  peers:", "  agent: {sdsNames: {svid: a b}}\n  peers:", `spec.agent.sdsNames.svid: Invalid value: "a b": must consist of printable ASCII characters without spaces`},
		"several bundles":           {"  peers:", "  trustBundles: [example.org, other.org]\n  peers:", severalBundles},
		"all bundles by name":       {"  peers:", "  agent: {sdsNames: {trustBundle: ALL}}\n  peers:", severalBundles},
		"regex of any domain":       {"exact: spiffe://example.org/echo", "regex: 'spiffe://.*/echo'", `spec.peers[0].regex: Invalid value: "spiffe://.*/echo": ` + notInTrustBundles},
		"regex, dots not escaped":   {"exact: spiffe://example.org/echo", "regex: 'spiffe://example.org/.*'", `spec.peers[0].regex: Invalid value: "spiffe://example.org/.*": ` + notInTrustBundles},
		"regex of alternatives":     {"exact: spiffe://example.org/echo", `regex: 'spiffe://example\.org/a|spiffe://other\.org/b'`, `spec.peers[0].regex: Invalid value: "spiffe://example\\.org/a|spiffe://other\\.org/b": ` + notSupported},
		"regex without case":        {"exact: spiffe://example.org/echo", `regex: '(?i)spiffe://example\.org/echo'`, `spec.peers[0].regex: Invalid value: "(?i)spiffe://example\\.org/echo": ` + notInTrustBundles},
		"bundle of a bad name":      {"  peers:", "  trustBundles: [example.org, 'A B']\n  peers:", `[spec.trustBundles[1]: Invalid value: "A B": trust domain characters are limited to lowercase letters, numbers, dots, dashes, and underscores, ` + severalBundles + "]"},
		"relative socket":           {"  peers:", "  agent: {socketPath: agent.sock}\n  peers:", `spec.agent.socketPath: Invalid value: "agent.sock": must be an absolute path of at most 107 of the characters a-z, A-Z, 0-9 and ._/@+=:,~-`},
		"socket that is too long":   {"  peers:", "  agent: {socketPath: /" + strings.Repeat("x", 107) + "}\n  peers:", "spec.agent.socketPath: Too long: may not be more than 107 bytes"},
		"wait for ever":             {"  peers:", "  initialFetchTimeout: 0s\n  peers:", `spec.initialFetchTimeout: Invalid value: "0s": must be a duration between 100ms and 60s`},
		"wait too long":             {"  peers:", "  initialFetchTimeout: 61s\n  peers:", `spec.initialFetchTimeout: Invalid value: "61s": must be a duration between 100ms and 60s`},
		"unknown mode":              {"  peers:", "  plaintextBackends: Encrypt\n  peers:", `spec.plaintextBackends: Unsupported value: "Encrypt": supported values: "Upgrade", "Leave", "Deny"`},
		"typo":                      {"  peers:", "  peer: []\n  peers:", `cannot be read: unknown field "spec.peer"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, valid, c.replace)
			o := read(t, strings.Replace(valid, c.replace, c.with, 1))
			require.EqualError(t, o.Err, c.err)
		})
	}
}

// TestLongPoliciesAreCheap: values over a limit are counted and not parsed.
func TestLongPoliciesAreCheap(t *testing.T) {
	regex := `{regex: 'spiffe://example\.org/(((((a{60}){60}'}, `
	text := strings.Replace(valid, "[{exact: spiffe://example.org/echo}]", "["+strings.Repeat(regex, 3000)+"]\n  trustBundles: ["+strings.Repeat("A,", 3000)+"]", 1)
	text = strings.Replace(text, "exact:", "exact: "+strings.Repeat("x", 10000), 1)
	message := read(t, text).Err.Error()
	require.Contains(t, message, "spec.peers: Too many: 3000: must have at most 64 items")
	require.Contains(t, message, "spec.trustBundles: Too many: 3000: must have at most 16 items")
	require.Less(t, strings.Count(message, "spec."), 120, "errors of what is past a limit")
}

func TestPoliciesThatAreRight(t *testing.T) {
	for name, peers := range map[string]string{
		"prefix":    "prefix: spiffe://example.org/",
		"regex":     `regex: 'spiffe://example\.org/ns/[a-z]+/sa/cart'`,
		"anchored":  `regex: 'spiffe://example\.org/(a|b)'`,
		"federated": "exact: spiffe://other.org/db}]\n  trustBundles: [example.org, other.org]\n  allowAnyAuthority: true\n  agent: {sdsNames: {svid: a}}\n#[{",
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, read(t, strings.Replace(valid, "exact: spiffe://example.org/echo", peers, 1)).Err)
		})
	}
}

// TestRequireURI: the last check before a TLS context that would accept every workload.
func TestRequireURI(t *testing.T) {
	s := policy.As[v1alpha1.BackendMTLSPolicy](read(t, valid)).Spec
	_, err := requireURI(tlsContext(&s, matchers(&s)))
	require.NoError(t, err)
	_, err = requireURI(tlsContext(&s, nil))
	require.ErrorIs(t, err, spiffe.ErrNoURIMatcher)
	dns := matchers(&s)
	dns[0].SanType = 2 // DNS
	_, err = requireURI(tlsContext(&s, dns))
	require.ErrorIs(t, err, spiffe.ErrNoURIMatcher)
	empty := matchers(&s)
	empty[0].Matcher.MatchPattern = nil
	_, err = requireURI(tlsContext(&s, empty))
	require.ErrorIs(t, err, spiffe.ErrNoURIMatcher)
}
