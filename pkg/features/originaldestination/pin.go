package originaldestination

import (
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	filterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/common/set_filter_state/v3"
	setfilterstatev3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/set_filter_state/v3"
)

// Filter state by which a Lua script can send a request past the networks: the cluster takes
// the first one for the destination before it looks at metadata, and Envoy connects to the
// address in the second one whatever host was chosen. Of what scripts can make, the
// filter_state.object that Envoy lists when it starts, nothing else chooses an address.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/configuration/advanced/well_known_filter_state
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/network/filter_state_proxy_info.cc
const (
	destinationState = "envoy.network.transport_socket.original_dst_address"
	proxyState       = "envoy.network.transport_socket.http_11_proxy.info"
)

// pin writes the address as text over the first and then what is there over the second.
// Who looks for an address to connect to does not find one in text, and the filter that
// follows allows what it reads of the second: if one of them could not be written over, there
// is a port behind the address, or no text at all, and the request is rejected. It has to be
// so, because nothing can match that state of the second kind is there.
func pin() *setfilterstatev3.Config {
	return &setfilterstatev3.Config{OnRequestHeaders: []*filterstatev3.FilterStateValue{
		stringState(destinationState, metadata(ownNamespace, addressKey)),
		stringState(proxyState, "%FILTER_STATE("+destinationState+":PLAIN)%"),
	}}
}

// stringState is filter state of a string.
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
