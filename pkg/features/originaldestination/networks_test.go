package originaldestination

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
)

// allows decides like Envoy's IP matcher: the longest network that contains the address decides.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/common/matcher/ip_range_matcher.h
func allows(named []netip.Prefix, address string) (allowed bool) {
	a, longest := netip.MustParseAddr(address), -1
	for _, p := range named {
		if p.Contains(a) && p.Bits() > longest {
			longest, allowed = p.Bits(), true
		}
	}
	for _, p := range exceptions(named) {
		if p.Contains(a) && p.Bits() > longest {
			longest, allowed = p.Bits(), false
		}
	}
	return allowed
}

func TestAllowed(t *testing.T) {
	all := []string{"0.0.0.0/0", "::/0"}
	for _, test := range []struct {
		named       []string
		yes, reject []string
	}{
		{[]string{"10.0.0.0/8"}, []string{"10.0.0.0", "10.255.255.255"}, []string{"9.255.255.255", "11.0.0.0", "::ffff:10.0.0.1"}},
		{all, []string{"1.1.1.1", "10.0.0.1", "2001:db8::1", "fd00::1"}, []string{
			"0.0.0.0", "127.0.0.1", "127.255.255.255", "169.254.1.1", "169.254.169.254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "255.255.255.255",
			"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "fe80::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001::1", "fd00:ec2::254", "fd20:ce::254",
		}},
		{[]string{"127.0.0.2/32"}, []string{"127.0.0.2"}, []string{"127.0.0.1", "127.0.0.3"}},
		{[]string{"127.0.0.0/8"}, []string{"127.0.0.1"}, []string{"126.255.255.255", "128.0.0.0"}},
		{[]string{"169.254.0.0/16"}, []string{"169.254.1.1"}, []string{"169.254.169.254", "169.254.170.2"}},
		{[]string{"169.254.0.0/16", "169.254.169.254/32"}, []string{"169.254.1.1", "169.254.169.254"}, []string{"169.254.170.2"}},
		{[]string{"126.0.0.0/7"}, []string{"126.0.0.1"}, []string{"127.0.0.1"}},
		{[]string{"126.0.0.0/7", "127.0.0.2/32"}, []string{"126.0.0.1", "127.0.0.2"}, []string{"127.0.0.1"}},
		{[]string{"127.0.0.0/9", "127.128.0.0/9"}, []string{"127.0.0.1", "127.255.255.255"}, []string{"126.255.255.255"}},
		{[]string{"126.0.0.0/7", "127.0.0.0/9"}, []string{"127.0.0.1"}, []string{"127.128.0.0"}},
		{[]string{"168.0.0.0/5", "169.254.0.0/16"}, []string{"168.0.0.1", "169.254.1.1"}, []string{"169.254.169.254", "168.63.129.16"}},
		{[]string{"::1/128"}, []string{"::1"}, []string{"::2", "::"}},
		{[]string{"::/96"}, []string{"::2"}, []string{"::1", "::"}},
		{[]string{"fd00:ec2::/32"}, []string{"fd00:ec2::1"}, []string{"fd00:ec2::254"}},
		{[]string{"10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"}, []string{"10.1.2.3"}, nil},
	} {
		named := prefixes(test.named...)
		for _, a := range test.yes {
			assert.True(t, allows(named, a), "%s of %s", a, test.named)
		}
		for _, a := range test.reject {
			assert.False(t, allows(named, a), "%s of %s", a, test.named)
		}
	}
	assert.Empty(t, exceptions(prefixes("10.0.0.0/8", "2001:db8::/32")), "no more than needed")
	assert.Empty(t, exceptions(prefixes("127.0.0.0/9", "127.128.0.0/9")), "no named network contains 127.0.0.0/8")
	assert.Len(t, exceptions(prefixes(all...)), len(special())-5, "those within others are not needed")
}
