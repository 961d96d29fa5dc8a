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

// Names of the HTTP filters that every connection manager with a backend has, in their order.
// Routes configure them by these names. They follow each other and end in front of the router,
// and none of them lets Envoy choose the route again: all of them and the router see one route.
const (
	prefix      = "egraft.destination."
	takeFilter  = prefix + "take"
	splitFilter = prefix + "split"
	pinFilter   = prefix + "pin"
	allowFilter = prefix + "allow"
)

// The header and the metadata by which the filters hand on the destination and its address.
// The cluster reads the former's metadata. Each is written before it is read, whatever a client
// or another filter made of it.
const (
	destinationHeader = "x-egraft-destination"
	ownNamespace      = "egraft.destination"
	destinationKey    = "destination"
	addressKey        = "address"
)

// nothing is what metadata has in the place of a destination that there is not. Without it
// what another filter wrote there would stay.
const nothing = "-"

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

// rest is what may follow the destination: further ones, which an endpoint picker names for
// retries, of which there are none.
// https://github.com/kubernetes-sigs/gateway-api-inference-extension/blob/f7d96a858aab858f99bb76703fc6c795f7b092ec/docs/proposals/004-endpoint-picker-protocol/README.md
const rest = `(?: *,[0-9a-fA-F:.,\[\] ]*)?`

// tag is in front of the destination until it has matched as a whole. With it, it is no
// address, and is rejected.
const tag = "d="

// asks are the headers without which the router sends no request again, to a host that the
// cluster would choose anew. What else they ask for needs one of them.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/router/retry_state_impl.cc (RetryStateImpl::create)
func asks() []string { return []string{"x-envoy-retry-on", "x-envoy-retry-grpc-on"} }

// perRoute are the filters' configurations for a route with the backend. The owner is what
// the route was made of.
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

// split makes metadata of the destination: its address alone for the filter that allows it,
// which is there only if the destination is one that the cluster can read as a whole, and what
// is in front of the list's rest for the cluster. Both are nothing first, because the filter
// does not write values of 8 KiB and more, and a Lua script may have written there before.
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
