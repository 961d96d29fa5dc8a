package spiffe

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/egraft/egraft/internal/duration"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// fields are valid; the tests replace some of them.
type fields struct {
	domain  v1alpha1.TrustDomain
	path    string
	bundles []v1alpha1.TrustDomain
	agent   v1alpha1.SPIREAgent
	timeout gwapiv1.Duration
	peers   []v1alpha1.SPIFFEIDMatch
}

// validate validates the fields like a policy.
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

// padded returns a text of the given length.
func padded(begin string, length int) string { return begin + strings.Repeat("x", length-len(begin)) }

// TestLimitsOfFields: the limits are the limits of the CRDs: a value at a limit is accepted, and
// one more is not, with one error that names the field.
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
						f.peers = nil // depends on peers
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

// TestFieldsThatAreEmpty: empty fields differ from absent ones.
func TestFieldsThatAreEmpty(t *testing.T) {
	f := &fields{domain: "example.org", path: "/envoy", bundles: []v1alpha1.TrustDomain{}, peers: []v1alpha1.SPIFFEIDMatch{}}
	errs := f.validate()
	require.Len(t, errs, 2)
	require.EqualError(t, errs[0], "spec.peers: Invalid value: 0: must not be empty; omit it instead")
	require.EqualError(t, errs[1], "spec.trustBundles: Invalid value: 0: must not be empty; omit it instead")
}

// TestTimeouts: durations have the form of Gateway API, within limits.
func TestTimeouts(t *testing.T) {
	for timeout, want := range map[gwapiv1.Duration]string{
		"": "", "100ms": "", "60s": "", "1m": "", "0h1s": "",
		"99ms":   `spec.initialFetchTimeout: Invalid value: "99ms": must be a duration between 100ms and 60s`,
		"60s1ms": `spec.initialFetchTimeout: Invalid value: "60s1ms": must be a duration between 100ms and 60s`,
		"2":      `spec.initialFetchTimeout: Invalid value: "2": must match ` + duration.Pattern,
		"1.5s":   `spec.initialFetchTimeout: Invalid value: "1.5s": must match ` + duration.Pattern,
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

// TestTooMuchIsNotRead: a value that is too long, or a list with too many items, has no other
// error, and is not compiled.
func TestTooMuchIsNotRead(t *testing.T) {
	long := func(n int) string { return "(" + strings.Repeat("A ", n)[:n-1] }
	domains := []v1alpha1.TrustDomain{"example.org"}
	for i := range 16 {
		domains = append(domains, v1alpha1.TrustDomain(fmt.Sprint("d", i)))
	}
	domains[16] = "A B"
	peers := append(many(64), peer("regex", "(")...)
	for name, c := range map[string]struct {
		set func(f *fields)
		err string
	}{
		"trustDomain":         {func(f *fields) { f.domain = v1alpha1.TrustDomain(long(256)) }, "spec.trustDomain: Too long: may not be more than 255 bytes"},
		"workloadIdentifier":  {func(f *fields) { f.path = long(1025) }, "spec.workloadIdentifier: Too long: may not be more than 1024 bytes"},
		"a trust bundle":      {func(f *fields) { f.bundles = append(domains[:1:1], v1alpha1.TrustDomain(long(256))) }, "spec.trustBundles[1]: Too long: may not be more than 255 bytes"},
		"trustBundles":        {func(f *fields) { f.bundles = domains }, "spec.trustBundles: Too many: 17: must have at most 16 items"},
		"peers":               {func(f *fields) { f.peers = peers }, "spec.peers: Too many: 65: must have at most 64 items"},
		"peers, a long one":   {func(f *fields) { f.peers = append(many(64), peer("exact", long(2049))...) }, "spec.peers: Too many: 65: must have at most 64 items"},
		"exact":               {func(f *fields) { f.peers = peer("exact", long(2049)) }, "spec.peers[0].exact: Too long: may not be more than 2048 bytes"},
		"regex":               {func(f *fields) { f.peers = peer("regex", long(257)) }, "spec.peers[0].regex: Too long: may not be more than 256 bytes"},
		"initialFetchTimeout": {func(f *fields) { f.timeout = gwapiv1.Duration(long(25)) }, "spec.initialFetchTimeout: Too long: may not be more than 24 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fields{domain: "example.org", path: "/envoy"}
			c.set(f)
			require.EqualError(t, f.validate().ToAggregate(), c.err)
		})
	}
}

// TestWhatIsAtALimitIsRead: a value at a limit is validated, and not accepted only for its length.
func TestWhatIsAtALimitIsRead(t *testing.T) {
	bad := func(n int) string { return strings.Repeat(" ", n) }
	for name, set := range map[string]func(f *fields){
		"trustDomain":         func(f *fields) { f.domain = v1alpha1.TrustDomain(bad(255)) },
		"workloadIdentifier":  func(f *fields) { f.path = bad(1024) },
		"a trust bundle":      func(f *fields) { f.bundles = []v1alpha1.TrustDomain{"example.org", v1alpha1.TrustDomain(bad(255))} },
		"exact":               func(f *fields) { f.peers = peer("exact", bad(2048)) },
		"prefix":              func(f *fields) { f.peers = peer("prefix", bad(2048)) },
		"regex":               func(f *fields) { f.peers = peer("regex", bad(256)) },
		"initialFetchTimeout": func(f *fields) { f.timeout = gwapiv1.Duration("00001h" + strings.Repeat("00000h", 3)) },
		"socketPath":          func(f *fields) { f.agent.SocketPath = bad(107) },
	} {
		f := &fields{domain: "example.org", path: "/envoy"}
		set(f)
		require.NotEmpty(t, f.validate(), name)
	}
}
