package httpfilter

import (
	"errors"
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	codecv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/upstream_codec/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	upstreamsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/pkg/xds"
)

// upstreamCodec is the filter that ends the upstream filters of a cluster.
const upstreamCodec = "envoy.filters.http.upstream_codec"

// errOldOptions is about a field that Envoy does not take beside [xds.HTTPProtocolOptions].
var errOldOptions = errors.New("has HTTP options in fields that are deprecated, beside which it cannot have upstream filters")

// InsertUpstream inserts filters into the upstream HTTP filters of a cluster, directly in front of
// the codec, and reports whether that changed anything. They see each attempt of a request after a
// host is chosen. Filters of the same names are removed first; all others, and the other options
// of the protocol, stay. A cluster without options gets those of HTTP/1.1, which is Envoy's default.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/intro/arch_overview/http/upstream_filters
func InsertUpstream(c *clusterv3.Cluster, filters ...*hcmv3.HttpFilter) (changed bool, err error) {
	changed, err = insertUpstream(c, filters)
	if err != nil {
		return false, fmt.Errorf("upstream HTTP filters of cluster %q: %w", c.GetName(), err)
	}
	return changed, nil
}

func insertUpstream(c *clusterv3.Cluster, filters []*hcmv3.HttpFilter) (changed bool, err error) {
	if c.GetHttpProtocolOptions() != nil || c.GetHttp2ProtocolOptions() != nil || c.GetCommonHttpProtocolOptions() != nil {
		return false, errOldOptions
	}
	options := &upstreamsv3.HttpProtocolOptions{UpstreamProtocolOptions: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_{
		ExplicitHttpConfig: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig{
			ProtocolConfig: &upstreamsv3.HttpProtocolOptions_ExplicitHttpConfig_HttpProtocolOptions{HttpProtocolOptions: &corev3.Http1ProtocolOptions{}},
		},
	}}
	if there := c.GetTypedExtensionProtocolOptions()[xds.HTTPProtocolOptions]; there != nil {
		if err := there.UnmarshalTo(options); err != nil {
			return false, err
		}
	}
	before := proto.CloneOf(options)
	others := slices.DeleteFunc(options.GetHttpFilters(), func(f *hcmv3.HttpFilter) bool { return slices.ContainsFunc(filters, named(f)) })
	place := slices.IndexFunc(others, func(f *hcmv3.HttpFilter) bool { return f.GetName() == upstreamCodec })
	if place < 0 {
		codec, err := New(upstreamCodec, &codecv3.UpstreamCodec{})
		if err != nil {
			return false, err
		}
		place, others = len(others), append(others, codec)
	}
	for i, f := range filters {
		others = slices.Insert(others, place+i, proto.CloneOf(f))
	}
	options.HttpFilters = others
	if proto.Equal(before, options) {
		return false, nil
	}
	a, err := xds.Any(options)
	if err != nil {
		return false, err
	}
	if c.TypedExtensionProtocolOptions == nil {
		c.TypedExtensionProtocolOptions = map[string]*anypb.Any{}
	}
	c.TypedExtensionProtocolOptions[xds.HTTPProtocolOptions] = a
	return true, nil
}
