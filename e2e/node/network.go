package node

import (
	"fmt"
	"net"

	"github.com/vishvananda/netlink"
)

// makeAddress gives the node an address other than loopback's, and a default route. Without it,
// packets to the addresses of Services are rejected before kube-proxy's rules see them. It must run
// in a network namespace.
func makeAddress() error {
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "uplink"}, PeerName: "nowhere"}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("make the node's interface: %w", err)
	}
	peer, err := netlink.LinkByName(pair.PeerName)
	if err != nil {
		return fmt.Errorf("find the other end of the node's interface: %w", err)
	}
	address, err := netlink.ParseAddr(Address + "/24")
	if err != nil {
		return fmt.Errorf("the node's address: %w", err)
	}
	if err := netlink.AddrAdd(pair, address); err != nil {
		return fmt.Errorf("give the node its address: %w", err)
	}
	for _, link := range []netlink.Link{pair, peer} {
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("set interface %s up: %w", link.Attrs().Name, err)
		}
	}
	if err := netlink.RouteAdd(&netlink.Route{LinkIndex: pair.Index, Gw: net.ParseIP(gateway)}); err != nil {
		return fmt.Errorf("make the node's default route: %w", err)
	}
	return nil
}
