package originaldestination

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// TestSpecialNetworks: only the operator may allow networks reachable through Envoy's own
// addresses.
func TestSpecialNetworks(t *testing.T) {
	for network, in := range map[string]string{
		"10.0.0.0/8":          "",
		"0.0.0.0/0":           "",
		"::/0":                "",
		"126.0.0.0/7":         "",
		"127.0.0.1/32":        "127.0.0.0/8",
		"127.0.0.0/8":         "127.0.0.0/8",
		"0.0.0.0/32":          "0.0.0.0/8",
		"169.254.0.0/16":      "169.254.0.0/16",
		"169.254.169.254/32":  "169.254.0.0/16",
		"100.100.100.200/32":  "100.100.100.200/32",
		"168.63.129.16/32":    "168.63.129.16/32",
		"224.0.0.0/4":         "224.0.0.0/4",
		"::1/128":             "::1/128",
		"::/128":              "::/128",
		"::7f00:1/128":        "::/96",
		"fe80::/64":           "fe80::/10",
		"64:ff9b::7f00:0/104": "64:ff9b::/96",
		"2002:7f00::/24":      "2002::/16",
		"fd00:ec2::254/128":   "fd00:ec2::254/128",
	} {
		t.Run(network, func(t *testing.T) {
			backend := func() *v1alpha1.OriginalDestinationBackend {
				return &v1alpha1.OriginalDestinationBackend{Spec: v1alpha1.OriginalDestinationBackendSpec{AllowedCIDRs: []v1alpha1.CIDR{"10.0.0.0/8", v1alpha1.CIDR(network)}}}
			}
			require.Empty(t, validate(backend(), true))
			errs := validate(backend(), false)
			if in == "" {
				require.Empty(t, errs)
				return
			}
			require.EqualError(t, errs.ToAggregate(), `spec.allowedCIDRs[1]: Invalid value: "`+network+`": is in `+in+", which requires --allow-special-destinations")
		})
	}
}
