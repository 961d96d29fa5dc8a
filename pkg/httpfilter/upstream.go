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

// upstreamCodec is the last upstream filter of a cluster.
const upstreamCodec = "envoy.filters.http.upstream_codec"

// errOldOptions is about fields that Envoy rejects in combination with [xds.HTTPProtocolOptions].
var errOldOptions = errors.New("has HTTP options in deprecated fields, which cannot be combined with upstream filters")

// InsertUpstream inserts filters into the upstream HTTP filters of a cluster, directly before the
// codec, and reports whether this changed anything. They process each attempt of a request after
// Envoy has selected a host. It first removes filters with the same names; all other filters and
// protocol options stay. A cluster without options gets the options for HTTP/1.1, which is Envoy's
// default.
// https://www.envoyproxy.io/docs/envoy/v1.39.1/intro/arch_overview/http/upstream_filters
func InsertUpstream(c *clusterv3.Cluster, filters ...*hcmv3.HttpFilter) (changed bool, err error) {
	changed, err = insertUpstream(c, filters)
	if err != nil {
		return false, fmt.Errorf("upstream HTTP filters of cluster %q: %w", c.GetName(), err)
	}
	return changed, nil
}

// Upstream returns the upstream HTTP filters of a cluster.
func Upstream(c *clusterv3.Cluster) ([]*hcmv3.HttpFilter, error) {
	options := &upstreamsv3.HttpProtocolOptions{}
	if there := c.GetTypedExtensionProtocolOptions()[xds.HTTPProtocolOptions]; there != nil {
		if err := there.UnmarshalTo(options); err != nil {
			return nil, fmt.Errorf("upstream HTTP filters of cluster %q: %w", c.GetName(), err)
		}
	}
	return options.GetHttpFilters(), nil
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
