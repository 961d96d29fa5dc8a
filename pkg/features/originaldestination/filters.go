package originaldestination

import (
	"maps"
	"strconv"

	mutationrulesv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	headertometadatav3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_to_metadata/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
)

// Names of the HTTP filters that every connection manager with a backend has, in order. Routes
// configure them by these names. They are adjacent and directly before the router, and none of them
// makes Envoy select the route again: all of them and the router use the same route.
const (
	prefix      = "egraft.destination."
	takeFilter  = prefix + "take"
	splitFilter = prefix + "split"
	pinFilter   = prefix + "pin"
	allowFilter = prefix + "allow"
)

// The header and the metadata that pass the destination and its address between the filters. The
// cluster reads the destination from metadata. The filters write each of them before they read it,
// so values from clients or other filters have no effect.
const (
	destinationHeader = "x-egraft-destination"
	ownNamespace      = "egraft.destination"
	destinationKey    = "destination"
	addressKey        = "address"
)

// nothing is the metadata value for a missing destination. Without it, a value that another filter
// wrote there would remain.
const nothing = "-"

// port matches 1 to 65535. It must not match what Envoy cannot parse: the cluster would have no
// destination, and Envoy would use the address of a PROXY protocol header.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/clusters/original_dst/original_dst_cluster.cc
const port = `(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])`

// Characters of addresses. IPv6 addresses are in brackets and contain a colon. An IPv4 address in
// brackets must not match: the networks might contain it, but the cluster cannot read it.
const (
	ipv4 = `[0-9.]+`
	ipv6 = `[0-9a-fA-F.]*:[0-9a-fA-F:.]*`
)

// rest matches further destinations after the first. An endpoint picker lists them for retries,
// which egraft does not allow.
// https://github.com/kubernetes-sigs/gateway-api-inference-extension/blob/f7d96a858aab858f99bb76703fc6c795f7b092ec/docs/proposals/004-endpoint-picker-protocol/README.md
const rest = `(?: *,[0-9a-fA-F:.,\[\] ]*)?`

// tag precedes the destination until the whole value has matched. A value with the tag is not an
// address and is rejected.
const tag = "d="

// asks returns the headers by which a client asks the router for retries. The cluster would choose
// a new host for a retry. The other headers for retries have no effect without one of these.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/retry_state_impl.cc (RetryStateImpl::create)
func asks() []string { return []string{"x-envoy-retry-on", "x-envoy-retry-grpc-on"} }

// perRoute returns the filters' configurations for a route with the backend. The owner is the
// HTTPRoute that Envoy Gateway made the route from.
func perRoute(b *v1alpha1.OriginalDestinationBackend, owner string) map[string]proto.Message {
	s := &b.Spec
	out := map[string]proto.Message{
		splitFilter: split(s),
		pinFilter:   pin(),
		allowFilter: &rbacv3.RBACPerRoute{Rbac: allow(s.AllowedCIDRs)},
	}
	var take []*mutationrulesv3.HeaderMutation
	if h := s.Source.Header; h != nil {
		k := keysOf(b, owner)
		take = append(take, set(destinationHeader, tag+k.read()), remove(h.Name))
		maps.Copy(out, k.perRoute(h))
	} else {
		take = append(take, set(destinationHeader, tag+metadata(s.Source.Metadata.Namespace, s.Source.Metadata.Key)))
	}
	for _, name := range asks() {
		take = append(take, remove(name))
	}
	out[takeFilter] = mutations(take...)
	return out
}

func metadata(namespace, key string) string {
	return "%DYNAMIC_METADATA(" + namespace + ":" + key + ")%"
}

// split writes the destination to metadata: the address alone for the filter that allows it, only
// if the cluster can read the whole destination, and the first destination of the list for the
// cluster. Both start as [nothing], because the filter does not write values of 8 KiB and more, and
// a Lua script may have written there before.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/filters/http/header_to_metadata/header_to_metadata_filter.cc
func split(s *v1alpha1.OriginalDestinationBackendSpec) *headertometadatav3.Config {
	begin := `^` + tag
	if s.Source.Header != nil {
		begin += taken
	}
	address, whole, destination := begin+`(?:(`+ipv4+`)|\[(`+ipv6+`)\]):`+port+rest+`$`, begin+`([^ ,]*).*$`, `\1`
	if s.Port != nil {
		address = begin + `(?:(` + ipv4 + `)|\[(` + ipv6 + `)\])(?::` + port + ")?" + rest + `$`
		whole, destination = begin+`(\[[^\]]*\]|[0-9.]*).*$`, `\1:`+strconv.Itoa(*s.Port)
	}
	return &headertometadatav3.Config{RequestRules: []*headertometadatav3.Config_Rule{
		{Header: destinationHeader, OnHeaderPresent: constant(ownNamespace, destinationKey, nothing)},
		{Header: destinationHeader, OnHeaderPresent: constant(ownNamespace, addressKey, nothing)},
		{Header: destinationHeader, OnHeaderPresent: value(destinationKey, whole, destination)},
		{Header: destinationHeader, OnHeaderPresent: value(addressKey, address, `\1\2`), Remove: true},
	}}
}

// constant writes text under a key, or the header's value if text is empty.
func constant(namespace, key, text string) *headertometadatav3.Config_KeyValuePair {
	return &headertometadatav3.Config_KeyValuePair{MetadataNamespace: namespace, Key: key, Type: headertometadatav3.Config_STRING, Value: text}
}

func value(key, pattern, substitution string) *headertometadatav3.Config_KeyValuePair {
	return &headertometadatav3.Config_KeyValuePair{
		MetadataNamespace: ownNamespace, Key: key, Type: headertometadatav3.Config_STRING,
		RegexValueRewrite: &matcherv3.RegexMatchAndSubstitute{Pattern: &matcherv3.RegexMatcher{Regex: pattern}, Substitution: substitution},
	}
}

func mutations(list ...*mutationrulesv3.HeaderMutation) *headermutationv3.HeaderMutationPerRoute {
	return &headermutationv3.HeaderMutationPerRoute{Mutations: &headermutationv3.Mutations{RequestMutations: list}}
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
