// Package waf does what kubeWAF's extension server does: it gives Envoy the filters of a WAF, whose
// configuration comes from kubeWAF's operator, and the clusters for that operator.
package waf

import (
	"context"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

const name = "kubewaf"

// Names by which kubeWAF's operator knows the resources that it serves.
const (
	filterPrefix    = "kubewaf/"
	challengeSuffix = "/challenge"
	ecdsCluster     = "kubewaf_ecds"
	wasmCluster     = "kubewaf_wasm_code"
)

func kind() policy.Kind { return policy.NewKind[WAF](gvk, nil) }

// New returns the feature.
func New(s Settings) (mutator.Feature, error) {
	add, err := clusters(s)
	return mutator.Feature{
		Name:                name,
		Hooks:               []mutator.Hook{mutator.HookRoute, mutator.HookTranslation},
		NeedsRoutes:         true,
		Policies:            []policy.Kind{kind()},
		FailurePolicy:       mutator.Deny, // without the firewall, Envoy would accept all requests
		Routes:              routes{},
		Listeners:           listeners{},
		RouteConfigurations: configurations{},
		Additions:           add,
		Reporter:            newReporter(),
	}, err
}

// additions are the clusters for the operator.
type additions struct{ clusters []*clusterv3.Cluster }

func clusters(s Settings) (a additions, err error) {
	for _, o := range []xds.ClusterOptions{
		{Name: ecdsCluster, Hosts: []string{s.ECDS}, HTTP2: true},
		{Name: wasmCluster, Hosts: []string{s.Wasm}},
	} {
		c, err := xds.NewCluster(o)
		if err != nil {
			return a, err
		}
		a.clusters = append(a.clusters, c)
	}
	return a, nil
}

// Add implements [mutator.Adder].
func (a additions) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	if len(inUse(in)) == 0 {
		return mutator.Additions{}, nil
	}
	return mutator.Additions{Clusters: a.clusters}, nil
}

// filtersOf returns the filters of a WAF in their order, disabled and without configuration: Envoy
// subscribes to it.
func filtersOf(o *policy.Object) (filters []*hcmv3.HttpFilter) {
	s := &policy.As[WAF](o).Spec
	names := []string{filterPrefix + o.Namespace + "/" + o.Name}
	if c := s.Challenge; c != nil && (c.Enabled == nil || *c.Enabled) {
		names = append([]string{names[0] + challengeSuffix}, names...)
	}
	cluster := s.Provider.ECDSCluster
	if cluster == "" {
		cluster = ecdsCluster
	}
	for _, n := range names {
		filters = append(filters, &hcmv3.HttpFilter{Name: n, Disabled: true, ConfigType: &hcmv3.HttpFilter_ConfigDiscovery{
			ConfigDiscovery: &corev3.ExtensionConfigSource{
				TypeUrls: []string{"type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"},
				ConfigSource: &corev3.ConfigSource{
					ResourceApiVersion: corev3.ApiVersion_V3,
					ConfigSourceSpecifier: &corev3.ConfigSource_ApiConfigSource{ApiConfigSource: &corev3.ApiConfigSource{
						ApiType: corev3.ApiConfigSource_GRPC, TransportApiVersion: corev3.ApiVersion_V3, SetNodeOnFirstMessageOnly: true,
						GrpcServices: []*corev3.GrpcService{{TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{
							EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: cluster},
						}}},
					}},
				},
			},
		}})
	}
	return filters
}
