package xds

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
)

// OverlappingFilterChains returns two filter chains of a listener that match the same connections
// equally well, which Envoy rejects, or nil if there are none.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/listener_manager/filter_chain_manager_impl.cc
func OverlappingFilterChains(l *listenerv3.Listener) (one, other *listenerv3.FilterChain) {
	if l.GetFilterChainMatcher() != nil {
		return nil, nil
	}
	type chain struct {
		*listenerv3.FilterChain
		criteria
	}
	byName := map[string][]chain{} // server names
	for _, fc := range l.GetFilterChains() {
		c := chain{fc, criteriaOf(fc.GetFilterChainMatch())}
		for _, name := range c.criteria[0] {
			for _, there := range byName[name] {
				if there.FilterChain != fc && there.overlaps(c.criteria) {
					return there.FilterChain, fc
				}
			}
			byName[name] = append(byName[name], c)
		}
	}
	return nil, nil
}

// criteria are the values of each criterion of a match, one of which must match. A criterion
// without values has the empty value, which differs from all others.
type criteria [9][]string

func criteriaOf(m *listenerv3.FilterChainMatch) criteria {
	c := criteria{
		texts(m.GetServerNames(), strings.ToLower),
		{m.GetDestinationPort().String()},
		texts(m.GetPrefixRanges(), network),
		{m.GetTransportProtocol()},
		texts(m.GetApplicationProtocols(), func(s string) string { return s }),
		texts(m.GetDirectSourcePrefixRanges(), network),
		{m.GetSourceType().String()},
		texts(m.GetSourcePrefixRanges(), network),
		texts(m.GetSourcePorts(), func(p uint32) string { return fmt.Sprint(p) }),
	}
	return c
}

func texts[T any](items []T, text func(T) string) []string {
	if len(items) == 0 {
		return []string{""}
	}
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = text(item)
	}
	return out
}

// network returns the same text for ranges with the same addresses.
func network(r *corev3.CidrRange) string {
	text := fmt.Sprintf("%s/%d", r.GetAddressPrefix(), r.GetPrefixLen().GetValue())
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked().String()
	}
	return text
}

// overlaps reports whether both have a common value for each criterion.
func (c criteria) overlaps(o criteria) bool {
	for i := range c {
		if !slices.ContainsFunc(c[i], func(s string) bool { return slices.Contains(o[i], s) }) {
			return false
		}
	}
	return true
}
