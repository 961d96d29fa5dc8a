package admin

import (
	"net"
	"net/http"
	"net/netip"
)

// elsewhere is the response to clients that are not on this host.
var elsewhere = &Error{http.StatusForbidden, "only for this host: use `kubectl port-forward`, and http://127.0.0.1 or http://localhost"}

// local rejects requests from other hosts, and requests by web pages: the Host header reveals a
// page that resolves its own name to a loopback address. Other addresses in 127.0.0.0/8 do not
// count as this host: the inbound proxy of a service mesh uses 127.0.0.6.
func local(r *http.Request) error {
	if !loopback(host(r.RemoteAddr)) || !localName(host(r.Host)) {
		return elsewhere
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &Error{http.StatusMethodNotAllowed, "only GET and HEAD"}
	}
	return nil
}

func localName(name string) bool { return name == "localhost" || loopback(name) }

func loopback(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && (ip.Unmap() == netip.AddrFrom4([4]byte{127, 0, 0, 1}) || ip == netip.IPv6Loopback())
}

// host returns the host of host:port, or a host without port unmodified.
func host(hostPort string) string {
	if name, _, err := net.SplitHostPort(hostPort); err == nil {
		return name
	}
	if n := len(hostPort); n > 2 && hostPort[0] == '[' && hostPort[n-1] == ']' {
		return hostPort[1 : n-1]
	}
	return hostPort
}
