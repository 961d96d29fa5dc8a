package standalone

import (
	"context"
	"fmt"

	"github.com/egraft/egraft/e2e/manifest"
)

// Addresses in the network namespace of an environment. Envoy Gateway itself uses 8080, 8081,
// 18000, 18002, 19000, 19001 and 19003.
const (
	// ListenerAddress is the address of the Gateway's listener "http".
	ListenerAddress = "127.0.0.1:8888"
	// SecondListenerAddress is the address of the Gateway's listener "second".
	SecondListenerAddress = "127.0.0.1:8889"
	// EgraftAdminAddress is the address of egraft's administration interface.
	EgraftAdminAddress = "127.0.0.1:8090"

	gatewayMetricsAddress = "127.0.0.1:19001"
)

// base is common to all environments, with %[1]s for the run directory, %[2]s for Envoy's version,
// %[3]t for whether Gateways share its listeners, %[4]s for more lines of the EnvoyProxy, and %[5]s
// for more of the access log's format.
const base = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec:
  controllerName: gateway.envoyproxy.io/gatewayclass-controller
  parametersRef: {group: gateway.envoyproxy.io, kind: EnvoyProxy, name: proxy, namespace: default}
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyProxy
metadata: {name: proxy, namespace: default}
spec:
  provider: {type: Host, host: {envoyVersion: "%[2]s"}}
  mergeGateways: %[3]t
%[4]s  shutdown: {drainTimeout: 2s}
  extraArgs: [--file-flush-interval-msec, "50", --disable-hot-restart]
  telemetry:
    accessLog:
      settings:
        - format:
            type: Text
            text: "%%START_TIME%% %%REQ(:AUTHORITY)%% %%RESPONSE_CODE%% %%RESPONSE_FLAGS%% %%RESPONSE_CODE_DETAILS%% upstream=%%UPSTREAM_CLUSTER%% tls=%%UPSTREAM_TLS_VERSION%% peer=%%UPSTREAM_PEER_URI_SAN%% local=%%UPSTREAM_LOCAL_URI_SAN%% failure=%%UPSTREAM_TRANSPORT_FAILURE_REASON%%%[5]s\n"
          sinks: [{type: File, file: {path: "%[1]s/log/access.log"}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg, namespace: default}
spec:
  gatewayClassName: eg
  listeners:
    - {name: http, protocol: HTTP, port: 8888}
    - {name: second, protocol: HTTP, port: 8889}
`

func baseResources(dir string, o Options) string {
	bootstrap := ""
	if o.Bootstrap != "" {
		bootstrap = fmt.Sprintf("  bootstrap: {type: Merge, value: %q}\n", o.Bootstrap)
	}
	if o.MergeBackends {
		bootstrap += "  mergeBackends: {}\n"
	}
	if o.FilterOrder != "" {
		bootstrap += "  filterOrder: " + o.FilterOrder + "\n"
	}
	out := fmt.Sprintf(base, dir, o.envoyVersion, o.MergeGateways, bootstrap, o.AccessLog)
	for _, listener := range o.Listeners {
		out += "    - " + listener + "\n"
	}
	return out
}

// ApplyRoutes writes routes, each to a file named after it.
func (e *Environment) ApplyRoutes(ctx context.Context, routes ...manifest.Route) error {
	for _, r := range routes {
		if err := e.Apply(ctx, r.Name, r.YAML()); err != nil {
			return err
		}
	}
	return nil
}
