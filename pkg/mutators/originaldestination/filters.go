package originaldestination

import (
	"net/netip"
	"strconv"

	xdscorev3 "github.com/cncf/xds/go/xds/core/v3"
	xdsmatcherv3 "github.com/cncf/xds/go/xds/type/matcher/v3"
	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	networkinputsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/matching/common_inputs/network/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/xds"
)

// Names of the HTTP filters in their order. Routes configure them by these names.
const (
	prefix        = "egraft.original_destination."
	distrustName  = prefix + "distrust/" // and the name of the filter that is trusted
	believeName   = prefix + "believe/"  // and the same
	takeFilter    = prefix + "take"
	splitFilter   = prefix + "split"
	addressFilter = prefix + "address"
	allowFilter   = prefix + "allow"
)

// Headers that the filters hand on the destination and its address by, and the metadata
// that the cluster reads. Clients' headers of these names are removed.
const (
	destinationHeader = "x-egraft-destination"
	addressHeader     = "x-egraft-destination-address"
	ownNamespace      = "egraft.original_destination"
	destinationKey    = "destination"
	addressKey        = "address"
	// believedNamespace and the name of the filter that is trusted are where headers are that
	// it set, by their names.
	believedNamespace = ownNamespace + ".believed/"
)

// nothing is what metadata has in the place of a destination that there is not. Without it
// what another filter wrote there would stay.
const nothing = "-"

// statPrefix tells what is counted of [allowFilter] from what is of Envoy Gateway's filter of
// the kind. Envoy counts by the filter's configuration, and not by a route's.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/filters/http/rbac/rbac_filter.cc
const statPrefix = "original_destination."

// port matches 1 to 65535. What Envoy could not parse must not match: the cluster would
// have no destination, for which Envoy takes the address that a PROXY protocol header names.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/clusters/original_dst/original_dst_cluster.cc
const port = `(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`

// What addresses are made of; those of IPv6 are in brackets and have a colon. An IPv4
// address in brackets must not match: the networks could have it, but the cluster could not
// read it.
const (
	ipv4 = `[0-9.]+`
	ipv6 = `[0-9a-fA-F.]*:[0-9a-fA-F:.]*`
)

// tag is in front of the destination until it has matched as a whole. With it, it is no
// address, and is refused.
const tag = "d="

// perRoute are the filters' configurations for a route with the backend.
func perRoute(s *v1alpha1.OriginalDestinationBackendSpec) map[string]proto.Message {
	return map[string]proto.Message{
		takeFilter:    &headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{RequestMutations: take(&s.Source)}},
		splitFilter:   split(s.Port),
		addressFilter: &headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{RequestMutations: []*mutationrulesv3.HeaderMutation{set(addressHeader, "%DYNAMIC_METADATA("+ownNamespace+":"+addressKey+")%")}}},
		allowFilter:   &rbacv3.RBACPerRoute{Rbac: allow(s.AllowedCIDRs)},
	}
}

// take moves the destination from where the user's filter put it, or from where it was kept
// when that filter was done, to a header of egraft's.
func take(s *v1alpha1.DestinationSource) []*mutationrulesv3.HeaderMutation {
	if h := s.Header; h != nil {
		return []*mutationrulesv3.HeaderMutation{
			set(destinationHeader, tag+"%DYNAMIC_METADATA("+believedNamespace+h.Filter+":"+h.Name+")%"), remove(h.Name), remove(addressHeader),
		}
	}
	return []*mutationrulesv3.HeaderMutation{
		set(destinationHeader, tag+"%DYNAMIC_METADATA("+s.Metadata.Namespace+":"+s.Metadata.Key+")%"), remove(addressHeader),
	}
}

// split makes metadata of the destination: as a whole for the cluster, and its address
// alone for the filter that allows it. Both are nothing first, because the filter does not
// write values of 8 KiB and more, and a Lua script may have written there before.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/filters/http/header_to_metadata/header_to_metadata_filter.cc
func split(override *int) *headertometadatav3.Config {
	part, whole := ":"+port, `\1`
	whole4or6 := `^` + tag + `((?:` + ipv4 + `|\[` + ipv6 + `\])` + part + `)$`
	if override != nil {
		part, whole = "(?::"+port+")?", `\1:`+strconv.Itoa(*override)
		whole4or6 = `^` + tag + `(` + ipv4 + `|\[` + ipv6 + `\])` + part + `$`
	}
	return &headertometadatav3.Config{RequestRules: []*headertometadatav3.Config_Rule{
		{Header: destinationHeader, OnHeaderPresent: constant(ownNamespace, destinationKey, nothing)},
		{Header: destinationHeader, OnHeaderPresent: constant(ownNamespace, addressKey, nothing)},
		{Header: destinationHeader, OnHeaderPresent: value(destinationKey, whole4or6, whole)},
		{Header: destinationHeader, OnHeaderPresent: value(addressKey, `^`+tag+`(?:(`+ipv4+`)|\[(`+ipv6+`)\])`+part+`$`, `\1\2`), Remove: true},
	}}
}

// constant is text under a key, or that of the header if it is empty.
func constant(namespace, key, text string) *headertometadatav3.Config_KeyValuePair {
	return &headertometadatav3.Config_KeyValuePair{MetadataNamespace: namespace, Key: key, Type: headertometadatav3.Config_STRING, Value: text}
}

func value(key, pattern, substitution string) *headertometadatav3.Config_KeyValuePair {
	return &headertometadatav3.Config_KeyValuePair{
		MetadataNamespace: ownNamespace, Key: key, Type: headertometadatav3.Config_STRING,
		RegexValueRewrite: &matcherv3.RegexMatchAndSubstitute{Pattern: &matcherv3.RegexMatcher{Regex: pattern}, Substitution: substitution},
	}
}

// allow refuses requests unless the header with the address has one of the networks. The
// IP matcher wants a string, which dynamic metadata is not to it.
func allow(list []v1alpha1.CIDR) *rbacv3.RBAC {
	var named []netip.Prefix
	for _, c := range list {
		if p, err := parse(c); err == nil { // validated
			named = append(named, p)
		}
	}
	var ranges []*xdscorev3.CidrRange
	for _, p := range allowed(named) {
		ranges = append(ranges, &xdscorev3.CidrRange{AddressPrefix: p.Addr().String(), PrefixLen: wrapperspb.UInt32(uint32(p.Bits()))})
	}
	m := &xdsmatcherv3.Matcher{OnNoMatch: refuse()}
	if len(ranges) > 0 {
		m.MatcherType = &xdsmatcherv3.Matcher_MatcherTree_{MatcherTree: &xdsmatcherv3.Matcher_MatcherTree{
			Input: extension("address", &matcherv3.HttpRequestHeaderMatchInput{HeaderName: addressHeader}),
			TreeType: &xdsmatcherv3.Matcher_MatcherTree_CustomMatch{CustomMatch: extension("networks", &xdsmatcherv3.IPMatcher{
				RangeMatchers: []*xdsmatcherv3.IPMatcher_IPRangeMatcher{{Ranges: ranges, OnMatch: action("allowed", rbacconfigv3.RBAC_ALLOW)}},
			})},
		}}
	}
	m = unlessOverridden(m)
	return &rbacv3.RBAC{Matcher: m}
}

// overridingState is filter state that the cluster takes for the destination before it looks
// at metadata.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/advanced/well_known_filter_state
const overridingState = "envoy.network.transport_socket.original_dst_address"

// unlessOverridden refuses a request whose destination a filter put into filter state, as a
// Lua script can: it would go past the networks. Otherwise then decides.
func unlessOverridden(then *xdsmatcherv3.Matcher) *xdsmatcherv3.Matcher {
	anything := &xdsmatcherv3.StringMatcher{MatchPattern: &xdsmatcherv3.StringMatcher_SafeRegex{SafeRegex: &xdsmatcherv3.RegexMatcher{
		EngineType: &xdsmatcherv3.RegexMatcher_GoogleRe2{GoogleRe2: &xdsmatcherv3.RegexMatcher_GoogleRE2{}}, Regex: "(?s).*",
	}}}
	return &xdsmatcherv3.Matcher{
		MatcherType: &xdsmatcherv3.Matcher_MatcherList_{MatcherList: &xdsmatcherv3.Matcher_MatcherList{
			Matchers: []*xdsmatcherv3.Matcher_MatcherList_FieldMatcher{{
				Predicate: &xdsmatcherv3.Matcher_MatcherList_Predicate{MatchType: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate_{
					SinglePredicate: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate{
						Input:   extension("overriding", &networkinputsv3.FilterStateInput{Key: overridingState}),
						Matcher: &xdsmatcherv3.Matcher_MatcherList_Predicate_SinglePredicate_ValueMatch{ValueMatch: anything},
					},
				}},
				OnMatch: refuse(),
			}},
		}},
		OnNoMatch: &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Matcher{Matcher: then}},
	}
}

func refuse() *xdsmatcherv3.Matcher_OnMatch { return action("refused", rbacconfigv3.RBAC_DENY) }

func action(name string, a rbacconfigv3.RBAC_Action) *xdsmatcherv3.Matcher_OnMatch {
	return &xdsmatcherv3.Matcher_OnMatch{OnMatch: &xdsmatcherv3.Matcher_OnMatch_Action{
		Action: extension(name, &rbacconfigv3.Action{Name: name, Action: a}),
	}}
}

// extension packs a message of few fields, for which there is no error.
func extension(name string, m proto.Message) *xdscorev3.TypedExtensionConfig {
	a, _ := xds.Any(m)
	return &xdscorev3.TypedExtensionConfig{Name: name, TypedConfig: a}
}

func set(name, value string) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
		Header:       &corev3.HeaderValue{Key: name, Value: value},
		AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
	}}}
}

func remove(name string) *mutationrulesv3.HeaderMutation {
	return &mutationrulesv3.HeaderMutation{Action: &mutationrulesv3.HeaderMutation_Remove{Remove: name}}
}
