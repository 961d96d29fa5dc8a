package originaldestination

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
)

// Filter state with which a Lua script could bypass the networks: the cluster takes the destination
// from the first object before it reads metadata, and Envoy connects to the address in the second
// one, whichever host was chosen. Among the objects that scripts can create, listed under
// filter_state.object when Envoy starts, no other one chooses an address.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/advanced/well_known_filter_state
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/network/filter_state_proxy_info.cc
const (
	destinationState = "envoy.network.transport_socket.original_dst_address"
	proxyState       = "envoy.network.transport_socket.http_11_proxy.info"
)

// pin overwrites the first object with the address as text, and the second one with the text of the
// first. Envoy does not connect to an address in text. The next filter checks the second object: if
// one of the two was not overwritten, that has a port after the address or is not text, and the
// request is rejected. This is needed because no matcher can detect an original second object.
func pin() *setfilterstatev3.Config {
	return &setfilterstatev3.Config{OnRequestHeaders: []*filterstatev3.FilterStateValue{
		stringState(destinationState, metadata(ownNamespace, addressKey)),
		stringState(proxyState, "%FILTER_STATE("+destinationState+":PLAIN)%"),
	}}
}

// stringState sets filter state of type string.
func stringState(key, format string) *filterstatev3.FilterStateValue {
	return &filterstatev3.FilterStateValue{
		Key:        &filterstatev3.FilterStateValue_ObjectKey{ObjectKey: key},
		FactoryKey: "envoy.string",
		Value: &filterstatev3.FilterStateValue_FormatString{FormatString: &corev3.SubstitutionFormatString{
			Format: &corev3.SubstitutionFormatString_TextFormatSource{TextFormatSource: &corev3.DataSource{
				Specifier: &corev3.DataSource_InlineString{InlineString: format},
			}},
		}},
	}
}
