package spiffe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// fields have nothing wrong; the tests replace some of them.
type fields struct {
	domain  v1alpha1.TrustDomain
	path    string
	bundles []v1alpha1.TrustDomain
	agent   v1alpha1.SPIREAgent
	timeout gwapiv1.Duration
	peers   []v1alpha1.SPIFFEIDMatch
}

// validate is what a policy does with its fields.
func (f *fields) validate() field.ErrorList {
	spec := Fields{
		TrustDomain: f.domain, WorkloadIdentifier: f.path, TrustBundles: &f.bundles, Agent: &f.agent,
		InitialFetchTimeout: &f.timeout, Peers: f.peers, PeersField: "peers",
	}
	at := field.NewPath("spec")
	errs := spec.ValidateShape(at)
	spec.SetDefaults()
	return append(errs, spec.Validate(at)...)
}

func peer(kind, text string) []v1alpha1.SPIFFEIDMatch {
	switch kind {
	case "exact":
		return []v1alpha1.SPIFFEIDMatch{{Exact: &text}}
	case "prefix":
		return []v1alpha1.SPIFFEIDMatch{{Prefix: &text}}
	}
	return []v1alpha1.SPIFFEIDMatch{{Regex: &text}}
}

// padded is text of a length.
func padded(begin string, length int) string { return begin + strings.Repeat("x", length-len(begin)) }

// TestLimitsOfFields are those of the CRDs: what is at a limit is accepted, and one more is not, by
// one error that names the field.
func TestLimitsOfFields(t *testing.T) {
	long := v1alpha1.TrustDomain(strings.Repeat("d", 255))
	of := func(kind, begin string) func(f *fields, n int) {
		return func(f *fields, n int) { f.peers = peer(kind, padded(begin, n)) }
	}
	domains := func(n int) (out []v1alpha1.TrustDomain) {
		for i := range n {
			out = append(out, v1alpha1.TrustDomain(fmt.Sprint("d", i)))
		}
		return out
	}
	for name, c := range map[string]struct {
		limit int
		set   func(f *fields, n int)
		err   string
	}{
		"trustDomain":        {255, func(f *fields, n int) { f.domain = v1alpha1.TrustDomain(strings.Repeat("d", n)) }, "spec.trustDomain: Too long: may not be more than 255 bytes"},
		"workloadIdentifier": {1024, func(f *fields, n int) { f.path = padded("/", n) }, "spec.workloadIdentifier: Too long: may not be more than 1024 bytes"},
		"trustBundles":       {16, func(f *fields, n int) { f.bundles = domains(n) }, "spec.trustBundles: Too many: 17: must have at most 16 items"},
		"a trust bundle": {255, func(f *fields, n int) {
			f.bundles = []v1alpha1.TrustDomain{"b", v1alpha1.TrustDomain(strings.Repeat("d", n))}
		}, "spec.trustBundles[1]: Too long: may not be more than 255 bytes"},
		"peers":                    {64, func(f *fields, n int) { f.peers = many(n) }, "spec.peers: Too many: 65: must have at most 64 items"},
		"exact":                    {2048, of("exact", "spiffe://example.org/"), "spec.peers[0].exact: Too long: may not be more than 2048 bytes"},
		"prefix":                   {2048, of("prefix", "spiffe://example.org/"), "spec.peers[0].prefix: Too long: may not be more than 2048 bytes"},
		"regex":                    {256, of("regex", `spiffe://example\.org/`), "spec.peers[0].regex: Too long: may not be more than 256 bytes"},
		"socketPath":               {107, func(f *fields, n int) { f.agent.SocketPath = padded("/", n) }, "spec.agent.socketPath: Too long: may not be more than 107 bytes"},
		"sdsNames.svid":            {2048, func(f *fields, n int) { f.agent.SDSNames = &v1alpha1.SDSNames{SVID: padded("", n)} }, "spec.agent.sdsNames.svid: Too long: may not be more than 2048 bytes"},
		"sdsNames.trustBundle":     {2048, func(f *fields, n int) { f.agent.SDSNames = &v1alpha1.SDSNames{TrustBundle: padded("", n)} }, "spec.agent.sdsNames.trustBundle: Too long: may not be more than 2048 bytes"},
		"sdsNames.allTrustBundles": {2048, func(f *fields, n int) { f.agent.SDSNames = &v1alpha1.SDSNames{AllTrustBundles: padded("", n)} }, "spec.agent.sdsNames.allTrustBundles: Too long: may not be more than 2048 bytes"},
		"initialFetchTimeout": {24, func(f *fields, n int) {
			f.timeout = gwapiv1.Duration("00001s00000h00000h000" + strings.Repeat("0", n-22) + "h")
		}, "spec.initialFetchTimeout: Too long: may not be more than 24 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, bundles := range [][]v1alpha1.TrustDomain{nil, {"example.org", long}} {
				for n, want := range map[int]string{c.limit: "", c.limit + 1: c.err} {
					f := &fields{domain: "example.org", path: "/envoy", bundles: bundles, peers: peer("exact", "spiffe://example.org/x")}
					if name == "trustDomain" || name == "trustBundles" || name == "a trust bundle" {
						f.peers = nil // which are of them
					}
					c.set(f, n)
					errs := f.validate()
					if want == "" {
						require.Empty(t, errs)
						continue
					}
					require.EqualError(t, errs.ToAggregate(), want)
				}
			}
		})
	}
}

func many(n int) (out []v1alpha1.SPIFFEIDMatch) {
	for i := range n {
		out = append(out, peer("exact", fmt.Sprint("spiffe://example.org/", i))...)
	}
	return out
}

// TestFieldsThatAreEmpty are not those that are left out.
func TestFieldsThatAreEmpty(t *testing.T) {
	f := &fields{domain: "example.org", path: "/envoy", bundles: []v1alpha1.TrustDomain{}, peers: []v1alpha1.SPIFFEIDMatch{}}
	errs := f.validate()
	require.Len(t, errs, 2)
	require.EqualError(t, errs[0], "spec.peers: Invalid value: 0: must not be empty; leave it out instead")
	require.EqualError(t, errs[1], "spec.trustBundles: Invalid value: 0: must not be empty; leave it out instead")
}

// TestTimeouts are durations as Gateway API has them, within bounds.
func TestTimeouts(t *testing.T) {
	for timeout, want := range map[gwapiv1.Duration]string{
		"": "", "100ms": "", "60s": "", "1m": "", "0h1s": "",
		"99ms":   `spec.initialFetchTimeout: Invalid value: "99ms": must be a duration between 100ms and 60s`,
		"60s1ms": `spec.initialFetchTimeout: Invalid value: "60s1ms": must be a duration between 100ms and 60s`,
		"2":      `[spec.initialFetchTimeout: Invalid value: "2": must match ` + durationPattern + `, spec.initialFetchTimeout: Invalid value: "2": must be a duration between 100ms and 60s]`,
		"1.5s":   `spec.initialFetchTimeout: Invalid value: "1.5s": must match ` + durationPattern,
	} {
		f := &fields{domain: "example.org", path: "/envoy", timeout: timeout}
		errs := f.validate()
		if want == "" {
			require.Empty(t, errs, timeout)
			continue
		}
		require.EqualError(t, errs.ToAggregate(), want)
	}
}
