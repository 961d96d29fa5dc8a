package cli

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

// stanza is what the template of Envoy Gateway's extension manager needs.
type stanza struct {
	Policies, Filters, Backends []schema.GroupVersionKind
	Hooks                       []mutator.Hook
	Includes                    []include
	// Socket is empty if egraft is reached at Address.
	Socket         string
	Address        *address
	CA, Client     *secret
	MaxMessageSize string
}

// include says whether Envoy Gateway sends a kind of resource in the Translation hook.
type include struct {
	Kind string
	All  bool
}

// address is a host and port, the host by name or by IP address.
type address struct {
	IsIP bool
	Host string
	Port uint16
}

// secret is the name of a Secret; no namespace means Envoy Gateway's own.
type secret struct{ Namespace, Name string }

func newStanza(s *settings, to endpoint) *stanza {
	out := &stanza{Hooks: hooksOf(s.features), MaxMessageSize: size(s.MaxMessageSize)}
	for i := range s.features {
		f := &s.features[i]
		out.Policies = addKinds(out.Policies, f.Policies)
		out.Filters = addKinds(out.Filters, f.Filters)
		out.Backends = addKinds(out.Backends, f.Backends)
	}
	if slices.Contains(out.Hooks, mutator.HookTranslation) {
		out.Includes = includesOf(s.features)
	}
	if to.address == "" {
		out.Socket = s.Socket
		return out
	}
	out.Address, _ = newAddress(to.address) // endpoint.validate has seen it
	out.CA, out.Client = newSecret(to.caSecret), newSecret(to.clientSecret)
	return out
}

// hooksOf is the union of the features' hooks in Envoy Gateway's order.
func hooksOf(features []mutator.Feature) []mutator.Hook {
	return slices.DeleteFunc(mutator.Hooks(), func(h mutator.Hook) bool {
		return !slices.ContainsFunc(features, func(f mutator.Feature) bool { return f.Uses(h) })
	})
}

// includesOf says which kinds the features need in the Translation hook.
func includesOf(features []mutator.Feature) (out []include) {
	for _, i := range []struct {
		word string
		kind mutator.Kind
	}{
		{"cluster", mutator.KindCluster},
		{"listener", mutator.KindListener},
		{"route", mutator.KindRouteConfiguration},
		{"secret", mutator.KindSecret},
	} {
		needed := slices.ContainsFunc(features, func(f mutator.Feature) bool { return f.Receives(mutator.HookTranslation, i.kind) })
		out = append(out, include{i.word, needed})
	}
	return out
}

func addKinds(to []schema.GroupVersionKind, kinds []policy.Kind) []schema.GroupVersionKind {
	for _, k := range kinds {
		if !slices.Contains(to, k.GroupVersionKind) {
			to = append(to, k.GroupVersionKind)
		}
	}
	return to
}

// size writes a quantity without an exponent, which Envoy Gateway does not allow.
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
