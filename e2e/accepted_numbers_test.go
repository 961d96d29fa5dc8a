//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// durations returns Go durations in the forms that users and JSON write.
func durations() values {
	out := oneOf("1ms", "99ms", "100ms", "101ms", "1s", "2s", "60s", "60001ms", "1m", "1h", "3600s", "3600001ms", "0s", "0", "", "1", "1us", "1ns", "1µs", "0.5s", ".5s", "1.s", "-1s", "+1s", " 1s", "1s ",
		"1h0m0s0ms", "00001s", "1ms1ms1ms1ms", "1ms1ms1ms1ms1ms", "1s1h", "99999h", "99999h99999h99999h99999h", "1e3s", "1d", "1S", "１s", "1s\x00", raw("1"), raw("1.5"), nil)
	units := []string{"ms", "ms", "s", "m", "h", "us", ""}
	out.random = func(r *rand.Rand) any {
		var b strings.Builder
		for range 1 + r.IntN(3) {
			fmt.Fprintf(&b, "%d%s", r.IntN(100000)>>r.IntN(17), units[r.IntN(len(units))])
		}
		return b.String()
	}
	return out
}

// quantities returns Kubernetes quantities.
func quantities() values {
	out := oneOf("1", "0", "-1", "+1", "01", "1k", "1K", "64Ki", "1Mi", "1M", "1G", "4Gi", "4095Mi", "4294967294", "4294967295", "4294967296", "9223372036854775807", "9223372036854775808", "1e3", "1E3", "1e+3", "1e9", "1e10", "1e60", "1e-3", "1e-400",
		"1000m", "1500m", "1000000u", "1000000000n", "0.5", "1.0", "1.5Ki", "0.5Ki", ".5k", "1.", "1.5", "1Ki ", " 1Ki", "1 Ki", "1KiB", "0x10", "١", "", "Ki", "1e", "1Ei", "1\x00",
		raw("1"), raw("1024"), raw("1e3"), raw("1.0"), raw("4294967295"), raw("4294967296"), raw("0.5"), raw("-1"), nil)
	suffixes := []string{"", "", "", "k", "Ki", "M", "Mi", "G", "Gi", "m", "u", "n", "e2", "E2", "e-2"}
	out.random = func(r *rand.Rand) any {
		n := r.Uint32() >> r.IntN(32)
		text := fmt.Sprint(n)
		if r.IntN(4) == 0 {
			text = fmt.Sprintf("%d.%0*d", n, 1+r.IntN(4), r.IntN(1000))
		}
		return text + suffixes[r.IntN(len(suffixes))]
	}
	return out
}

// networks returns CIDRs for both features.
func networks() values {
	out := oneOf("10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "::/0", "10.1.2.3/32", "2001:db8::/32", "2001:db8::1/128", "2001:DB8::/32", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/08", "10.0.0.0", "10.0.0/8", "010.0.0.0/8",
		"::ffff:10.0.0.0/104", "::10.0.0.0/104", "64:ff9b::/96", "2002::/16", "fe80::1%eth0/64", "fe80::/10", "ff00::/8", "224.0.0.0/4", "127.0.0.0/8", "127.0.0.1/32", "169.254.169.254/32", "169.254.0.0/16", "fd00:ec2::254/128", "::1/128",
		"255.255.255.255/32", "0.0.0.0/32", "::/128", "1.1.1.1/1", "128.0.0.0/1", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/8\x00", "10.0.0.0/8,11.0.0.0/8", "example.org/8", "[::]/0", "")
	out.random = func(r *rand.Rand) any {
		if r.IntN(2) == 0 {
			b := [4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}
			return netip.PrefixFrom(netip.AddrFrom4(b), r.IntN(33)).String()
		}
		b := [16]byte{0x20, 1}
		for i := 2; i < 2+r.IntN(14); i++ {
			b[i] = byte(r.Uint32())
		}
		return netip.PrefixFrom(netip.AddrFrom16(b), r.IntN(129)).String()
	}
	return out
}
