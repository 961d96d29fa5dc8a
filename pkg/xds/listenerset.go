package xds

import (
	"slices"
	"strings"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
)

// ListenersOf returns the listeners of a virtual host. configuration is the name of its route
// configuration.
//
// Envoy Gateway gives a listener of a ListenerSet the metadata of the Gateway, with the listener's
// own name as the section, and anyone who may write a ListenerSet chooses that name. The two differ
// in the name of the virtual host, or of the route configuration of an HTTPS listener, which begins
// with namespace/gateway/listener or namespace/gateway/namespace/listenerset/listener. With the
// runtime flag XDSNameSchemeV2, HTTP listeners have neither, and all count as listeners of the
// Gateway.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/helpers.go#L487
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/translator.go#L874
func ListenersOf(configuration string, vh *routev3.VirtualHost) []Reference {
	return ofListenerSets(configuration, vh.GetName(), References(vh.GetMetadata()))
}

// ofListenerSets returns the listeners with their ListenerSets.
func ofListenerSets(configuration, host string, listeners []Reference) []Reference {
	out := listeners
	for i, l := range listeners {
		set := listenerSet(configuration, host, l)
		if set == l.ListenerSet {
			continue
		}
		if &out[0] == &listeners[0] {
			out = slices.Clone(listeners)
		}
		out[i].ListenerSet = set
	}
	return out
}

func listenerSet(configuration, host string, l Reference) string {
	prefix := l.Namespace + "/" + l.Name + "/"
	if own, ok := strings.CutPrefix(host, prefix); ok {
		name, _, _ := cutLast(own, "/") // the host name has no slash
		return setOf(name, l.SectionName)
	}
	if own, ok := strings.CutPrefix(configuration, prefix); ok && !strings.Contains(host, "/") {
		return setOf(own, l.SectionName)
	}
	return l.ListenerSet
}

// setOf returns the ListenerSet in a listener's name, without the prefix of the Gateway.
func setOf(name, section string) string {
	set, ok := strings.CutSuffix(name, "/"+section)
	if !ok || strings.Count(set, "/") != 1 {
		return ""
	}
	return set
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
