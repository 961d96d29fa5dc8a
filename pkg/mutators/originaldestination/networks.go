package originaldestination

import (
	"net/netip"
	"slices"
)

// special are networks that a larger one does not allow: what is behind Envoy's own
// addresses, and what gives out credentials to whoever asks.
func special() []netip.Prefix {
	return prefixes(
		// https://www.iana.org/assignments/iana-ipv4-special-registry
		"0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "255.255.255.255/32",
		// Metadata and credentials of AWS, Azure, Google and others; ECS; EKS; Alibaba; Azure; Oracle.
		"169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
		// https://www.iana.org/assignments/iana-ipv6-special-registry
		"::/128", "::1/128", "fe80::/10", "ff00::/8",
		// IPv6 addresses that stand for IPv4 ones: compatible, mapped, NAT64, 6to4, Teredo. No
		// backend can name mapped ones: the socket would be an IPv4 one, and the network that
		// allows its address is an IPv4 network.
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

// within tells whether all addresses of a are in b.
func within(a, b netip.Prefix) bool { return a.Bits() >= b.Bits() && b.Contains(a.Addr()) }

// namedSpecial is the special network that a named one is part of.
func namedSpecial(n netip.Prefix) (s netip.Prefix, found bool) {
	for _, s := range special() {
		if within(n, s) {
			return s, true
		}
	}
	return s, false
}

// exceptions are the special networks that a named network contains, but that are not named
// themselves, as few as there have to be: the longest network that has an address decides
// about it.
func exceptions(named []netip.Prefix) (out []netip.Prefix) {
	for _, s := range special() {
		if around(s, named) && !slices.Contains(named, s) {
			out = append(out, s)
		}
	}
	return slices.DeleteFunc(slices.Clone(out), func(s netip.Prefix) bool {
		return slices.ContainsFunc(out, func(larger netip.Prefix) bool {
			between := func(n netip.Prefix) bool { return within(s, n) && within(n, larger) }
			return s != larger && within(s, larger) && !slices.ContainsFunc(named, between)
		})
	})
}

// around tells whether one of the networks contains another one.
func around(p netip.Prefix, networks []netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return within(p, n) })
}
