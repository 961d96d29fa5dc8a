package buffer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
)

// valid is a valid policy; the tests replace lines of it.
const valid = `apiVersion: egraft.io/v1alpha1
kind: BufferPolicy
metadata: {name: p, namespace: default}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]
  maxRequestBytes: 1Mi
`

// read decodes and validates a policy as a hook call does.
func read(t *testing.T, text string) *policy.Object {
	t.Helper()
	raw, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	s, err := policy.NewSet(feature().Policies, [][]byte{raw})
	require.NoError(t, err)
	objects := s.Of(v1alpha1.GroupVersion.WithKind(v1alpha1.KindBufferPolicy))
	require.Len(t, objects, 1)
	return objects[0]
}

func TestDefaults(t *testing.T) {
	o := read(t, valid)
	require.NoError(t, o.Err)
	s := policy.As[v1alpha1.BufferPolicy](o).Spec
	require.Equal(t, v1alpha1.BufferFull, s.Mode)
	require.Equal(t, v1alpha1.FailurePolicyIgnore, s.FailurePolicy)
}

func TestPoliciesThatAreWrong(t *testing.T) {
	const outOfRange = ": must be a whole number of bytes between 1 and 4294967295"
	for name, c := range map[string]struct{ replace, with, err string }{
		"no target":                     {"  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: eg}]", "", "spec.targetRefs: Required value: name at least one target"},
		"target of another kind":        {"kind: Gateway,", "kind: TCPRoute,", `spec.targetRefs[0].kind: Unsupported value: "TCPRoute": supported values: "Gateway", "GatewayClass", "HTTPRoute", "GRPCRoute"`},
		"no limit":                      {"  maxRequestBytes: 1Mi", "", "spec.maxRequestBytes: Required value: set it, or set disabled to true to switch buffering off for the target"},
		"limit and disabled":            {"1Mi", "1Mi\n  disabled: true", "spec.maxRequestBytes: Forbidden: disabled is true: use one of the two"},
		"nothing":                       {"1Mi", "0", `spec.maxRequestBytes: Invalid value: "0"` + outOfRange},
		"less than nothing":             {"1Mi", "-1", `spec.maxRequestBytes: Invalid value: "-1"` + outOfRange},
		"half a byte":                   {"1Mi", "500m", `spec.maxRequestBytes: Invalid value: "500m"` + outOfRange},
		"too much":                      {"1Mi", "4Gi", `spec.maxRequestBytes: Invalid value: "4Gi"` + outOfRange},
		"more than the operator allows": {"1Mi", "64.5Mi", `spec.maxRequestBytes: Invalid value: "64.5Mi": more than 64Mi, the operator's limit (--max-buffer-bytes)`},
		"exponent that takes minutes":   {"1Mi", `"1e-60000000"`, `spec.maxRequestBytes: Invalid value: "1e-60000000"` + outOfRange},
		"exponent of a number":          {"1Mi", "1e-99", `spec.maxRequestBytes: Invalid value: "1e-99"` + outOfRange},
		"long":                          {"1Mi", `"1` + strings.Repeat("0", 100) + `m"`, `spec.maxRequestBytes: Invalid value: "1` + strings.Repeat("0", 31) + `…"` + outOfRange},
		"boolean":                       {"1Mi", "true", "cannot be read: a quantity must be a string or a number"},
		"list":                          {"1Mi", "[1]", "cannot be read: a quantity must be a string or a number"},
		"empty":                         {"1Mi", `""`, `spec.maxRequestBytes: Invalid value: ""` + outOfRange},
		"far too much":                  {"1Mi", "1e30", `spec.maxRequestBytes: Invalid value: "1e+30"` + outOfRange},
		"unknown mode":                  {"1Mi", "1Mi\n  mode: Stream", `spec.mode: Unsupported value: "Stream": supported values: "FullBuffer", "LimitOnly"`},
		"unknown failure policy":        {"1Mi", "1Mi\n  failurePolicy: Fail", `spec.failurePolicy: Unsupported value: "Fail": supported values: "Deny", "Ignore"`},
		"typo":                          {"maxRequestBytes", "maxRequestByte", `cannot be read: unknown field "spec.maxRequestByte"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, valid, c.replace)
			require.EqualError(t, read(t, strings.Replace(valid, c.replace, c.with, 1)).Err, c.err)
		})
	}
}

// TestWholeNumbersHoweverWritten: whole numbers are valid with a decimal point, a small suffix or
// an exponent, as a string or as a number.
func TestWholeNumbersHoweverWritten(t *testing.T) {
	for text, want := range map[string]string{
		"1.5Ki": "1.5Ki", "128974848000m": "128974848000m", "0.0625Gi": "0.0625Gi", "1536": "1536", `"1536"`: "1536", "1.536e3": "1536", "15e2": "1500", "0x10": "16", "1000.0": "1000",
	} {
		o := read(t, strings.Replace(valid, "1Mi", text, 1))
		if text == "128974848000m" { // 123 MiB
			require.ErrorContains(t, o.Err, "(--max-buffer-bytes)")
			continue
		}
		require.NoError(t, o.Err, text)
		require.Equal(t, want, policy.As[v1alpha1.BufferPolicy](o).Spec.MaxRequestBytes.String())
	}
}
