package originaldestination

import (
	"net/netip"
	"slices"

	"go4.org/netipx"
)

// special returns networks that a larger listed network does not allow: those reachable through
// Envoy's own addresses, and those that give out credentials to any client.
func special() []netip.Prefix {
	return prefixes(
		// https://www.iana.org/assignments/iana-ipv4-special-registry
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
		// Metadata and credentials of AWS, Azure, Google and others; ECS; EKS; Alibaba; Azure; Oracle.
		"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
		// https://www.iana.org/assignments/iana-ipv6-special-registry
		"::/128", "::1/128", "fe80::/10", "ff00::/8",
		// IPv6 addresses that represent IPv4 ones: compatible, mapped, NAT64, 6to4, Teredo. A
		// backend cannot list mapped ones: Envoy would open an IPv4 socket, and the network that
		// allows such an address is an IPv4 network.
		"::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
		// Metadata and credentials of AWS, EKS and Google.
		"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
	)
}

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// namedSpecial returns the special network that contains a listed network.
func namedSpecial(n netip.Prefix) (s netip.Prefix, found bool) {
	for _, s := range special() {
		if setOf(s).ContainsPrefix(n) {
			return s, true
		}
	}
	return s, false
}

// setOf returns the addresses of a network. A parsed network cannot cause an error.
func setOf(n netip.Prefix) *netipx.IPSet {
	var b netipx.IPSetBuilder
	b.AddPrefix(n)
	set, _ := b.IPSet()
	return set
}

// exceptions returns the special networks that a listed network contains and that are not listed
// themselves. It returns as few as possible: the longest network that contains an address decides.
// Larger networks therefore come first, and a special one is needed if the networks before it allow
// any of its addresses.
func exceptions(named []netip.Prefix) []netip.Prefix {
	var allowed netipx.IPSetBuilder
	var needed []netip.Prefix
	for _, n := range slices.SortedFunc(slices.Values(slices.Concat(named, special())), netipx.ComparePrefix) {
		if slices.Contains(named, n) {
			allowed.AddPrefix(n)
			continue
		}
		if set, _ := allowed.IPSet(); set.OverlapsPrefix(n) {
			allowed.RemovePrefix(n)
			needed = append(needed, n)
		}
	}
	return slices.DeleteFunc(special(), func(s netip.Prefix) bool { return !slices.Contains(needed, s) })
}
