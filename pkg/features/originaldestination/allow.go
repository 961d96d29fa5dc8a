package originaldestination

import (
	"net/netip"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	networkinputsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// statPrefix separates the counters of [allowFilter] from those of Envoy Gateway's RBAC filter.
// Envoy takes the prefix from the filter's configuration, not from a route's.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/filters/http/rbac/rbac_filter.cc
const statPrefix = "original_destination."

// allow rejects requests unless the address that [pin] wrote is in one of the networks. The longest
// network that contains it decides, whether special or listed. Text that is not an address is
// rejected. The IP matcher requires a string, and dynamic metadata is not one.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/common/matcher/ip_range_matcher.h
func allow(list []v1alpha1.CIDR) *rbacv3.RBAC {
	var named []netip.Prefix
	for _, c := range list {
		if p, err := parse(c); err == nil { // validated
			named = append(named, p)
		}
	}
	ranges := []*xdsmatcherv3.IPMatcher_IPRangeMatcher{{Ranges: rangesOf(named), OnMatch: action("allowed", rbacconfigv3.RBAC_ALLOW)}}
	if except := exceptions(named); len(except) > 0 {
		ranges = append(ranges, &xdsmatcherv3.IPMatcher_IPRangeMatcher{Ranges: rangesOf(except), OnMatch: action("rejected", rbacconfigv3.RBAC_DENY)})
	}
	return &rbacv3.RBAC{Matcher: &xdsmatcherv3.Matcher{MatcherType: &xdsmatcherv3.Matcher_MatcherTree_{MatcherTree: &xdsmatcherv3.Matcher_MatcherTree{
		Input: extension("address", &networkinputsv3.FilterStateInput{Key: proxyState}),
		TreeType: &xdsmatcherv3.Matcher_MatcherTree_CustomMatch{
			CustomMatch: extension("networks", &xdsmatcherv3.IPMatcher{RangeMatchers: ranges}),
		},
	}}}}
}

func rangesOf(networks []netip.Prefix) (out []*xdscorev3.CidrRange) {
	for _, p := range networks {
		out = append(out, &xdscorev3.CidrRange{AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))})
	}
	return out
}

func action(name string, a rbacconfigv3.RBAC_Action) *xdsmatcherv3.Matcher_OnMatch {
	return &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Action{
		Action: extension(name, &rbacconfigv3.Action{Name: name, Action: a}),
	}}
}

// extension packs a message. It ignores the error, because these messages always encode.
func extension(name string, m proto.Message) *xdscorev3.TypedExtensionConfig {
	a, _ := xds.Any(m)
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: a}
}
