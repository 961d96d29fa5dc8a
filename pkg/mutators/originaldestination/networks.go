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
		// IPv6 addresses that stand for IPv4 ones: compatible, NAT64, 6to4, Teredo.
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
		// Metadata and credentials of AWS, EKS and Google.
		"fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128",
	)
}

// mapped are IPv4 addresses as IPv6 ones. They are never allowed: the socket would be an
// IPv4 one, and the network that allows its address is an IPv4 network.
func mapped() netip.Prefix { return netip.MustParsePrefix("::ffff:0:0/96") }

func prefixes(texts ...string) (out []netip.Prefix) {
	for _, t := range texts {
		out = append(out, netip.MustParsePrefix(t))
	}
	return out
}

// allowed are disjoint networks with the addresses of the named ones, without those that
// have to be named to be allowed and are not.
func allowed(named []netip.Prefix) (out []netip.Prefix) {
	for _, n := range named {
		left := without([]netip.Prefix{n}, mapped())
		for _, s := range special() {
			if !within(n, s) {
				left = without(left, s)
			}
		}
		out = append(out, left...)
	}
	return disjoint(out)
}

// within tells whether all addresses of a are in b.
func within(a, b netip.Prefix) bool { return a.Bits() >= b.Bits() && b.Contains(a.Addr()) }

// without are the networks without the addresses of another one.
func without(from []netip.Prefix, cut netip.Prefix) (out []netip.Prefix) {
	for _, p := range from {
		switch {
		case within(p, cut):
		case !within(cut, p):
			out = append(out, p)
		default:
			low, high := halves(p)
			out = append(out, without([]netip.Prefix{low, high}, cut)...)
		}
	}
	return out
}

// halves are the two networks that a network is made of.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bytes := p.Addr().AsSlice()
	bytes[p.Bits()/8] |= 0x80 >> (p.Bits() % 8)
	upper, _ := netip.AddrFromSlice(bytes) // as long as it was
	return netip.PrefixFrom(p.Addr(), p.Bits()+1), netip.PrefixFrom(upper, p.Bits()+1)
}

// disjoint are the networks in order, without those that are within another one.
func disjoint(from []netip.Prefix) (out []netip.Prefix) {
	slices.SortFunc(from, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	for _, p := range from {
		if len(out) == 0 || !within(p, out[len(out)-1]) {
			out = append(out, p)
		}
	}
	return out
}
