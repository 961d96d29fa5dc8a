package backendmtls

import (
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	dfpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/clusters/dynamic_forward_proxy/v3"
	httpv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"

	"github.com/egraft/egraft/pkg/spiffe"
	"github.com/egraft/egraft/pkg/xds"
)

// acceptByPeersAlone removes the setting that makes Envoy expect the requested host name in the
// certificate, so that Envoy accepts exactly the policy's peers. Envoy's validator for plain
// authorities respects the setting, and the one for SPIFFE will (envoy#46564). The SNI stays.
func acceptByPeersAlone(c *clusterv3.Cluster) error {
	options := c.GetUpstreamHttpProtocolOptions() // the deprecated field
	if options != nil {
		options.AutoSanValidation = false
	}
	if encoded := c.GetTypedExtensionProtocolOptions()[spiffe.HTTPOptions]; encoded != nil {
		var o httpv3.HttpProtocolOptions
		if err := encoded.UnmarshalTo(&o); err != nil {
			return err
		}
		if options = o.GetUpstreamHttpProtocolOptions(); options.GetAutoSanValidation() {
			options.AutoSanValidation = false
			cfg, err := xds.Any(&o)
			if err != nil {
				return err
			}
			c.TypedExtensionProtocolOptions[spiffe.HTTPOptions] = cfg
		}
	}
	return allowOtherNames(c, options)
}

// allowOtherNames permits a dynamic resolver's cluster without this validation, which Envoy rejects by
// default, and sets the option where nothing is configured.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/extensions/clusters/dynamic_forward_proxy/cluster.cc
func allowOtherNames(c *clusterv3.Cluster, options *corev3.UpstreamHttpProtocolOptions) error {
	cfg := c.GetClusterType().GetTypedConfig()
	var resolver dfpv3.ClusterConfig
	if cfg == nil || !cfg.MessageIs(&resolver) {
		return nil
	}
	if err := cfg.UnmarshalTo(&resolver); err != nil {
		return err
	}
	resolver.AllowInsecureClusterOptions = true
	encoded, err := xds.Any(&resolver)
	if err != nil {
		return err
	}
	c.GetClusterType().TypedConfig = encoded
	if options == nil && c.GetTypedExtensionProtocolOptions()[spiffe.HTTPOptions] == nil {
		c.UpstreamHttpProtocolOptions = &corev3.UpstreamHttpProtocolOptions{AutoSni: true}
	}
	return nil
}
