//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"

	"github.com/egraft/egraft/e2e/standalone"
)

// ports are the ports of the Gateway's listeners.
var ports = map[string]string{"http": "8888", "second": "8889", "third": "8891", "tcp": "8892", "https": "8443", "ordinary": "8443"}

// nameSchemeV2 reports whether Envoy Gateway names listeners by their ports in this environment.
func nameSchemeV2() bool {
	return slices.Contains(strings.Split(os.Getenv(standalone.RuntimeFlagsVariable), ","), "XDSNameSchemeV2")
}

// xdsListener returns the name of Envoy's listener for the Gateway's listener that is the first on
// its port.
func xdsListener(name string) string {
	if nameSchemeV2() {
		return "tcp-" + ports[name]
	}
	return "default/eg/" + name
}

// xdsListenerQUIC returns the name of Envoy's listener for HTTP/3.
func xdsListenerQUIC(name string) string {
	if nameSchemeV2() {
		return "udp-" + ports[name]
	}
	return "default/eg/" + name + "-quic"
}

// xdsRoutes returns the name of Envoy's route configuration for a listener of the Gateway without
// TLS.
func xdsRoutes(name string) string {
	if nameSchemeV2() {
		return "http-" + ports[name]
	}
	return "default/eg/" + name
}
