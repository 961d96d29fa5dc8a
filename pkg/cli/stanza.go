package cli

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/egraft/egraft/internal/wiring"
)

// stanza is the input of the extension manager's configuration.
type stanza struct {
	wiring.Needs
	// Socket is empty if egraft is reached at Address.
	Socket         string
	Address        *address
	CA, Client     *secret
	MaxMessageSize string
}

// address is a host and port, the host by name or by IP address.
type address struct {
	IsIP bool
	Host string
	Port uint16
}

// secret names a Secret; an empty namespace means Envoy Gateway's own.
type secret struct{ Namespace, Name string }

func newStanza(s *settings, to endpoint) *stanza {
	out := &stanza{Needs: wiring.NeedsOf(s.features), MaxMessageSize: size(s.MaxMessageSize)}
	if to.address == "" {
		out.Socket = s.Socket
		return out
	}
	out.Address, _ = newAddress(to.address) // endpoint.validate has checked it
	out.CA, out.Client = newSecret(to.caSecret), newSecret(to.clientSecret)
	return out
}

// size formats a quantity without an exponent, which Envoy Gateway does not allow.
func size(q resource.Quantity) string {
	if q.Format == resource.DecimalExponent {
		q.Format = resource.DecimalSI
	}
	return resource.NewQuantity(q.Value(), q.Format).String()
}

func newAddress(hostPort string) (*address, error) {
	host, port, err := net.SplitHostPort(hostPort)
	n, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || badPort != nil || host == "" || n == 0 {
		return nil, fmt.Errorf("--service-address %q is not host:port", hostPort)
	}
	_, notIP := netip.ParseAddr(host)
	return &address{IsIP: notIP == nil, Host: host, Port: uint16(n)}, nil
}

func newSecret(name string) *secret {
	if name == "" {
		return nil
	}
	if namespace, n, found := strings.Cut(name, "/"); found {
		return &secret{namespace, n}
	}
	return &secret{Name: name}
}
