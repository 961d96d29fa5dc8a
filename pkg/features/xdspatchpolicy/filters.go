package xdspatchpolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// editFilter patches the configuration of an HTTP filter. It does not patch filters that egraft
// inserted: their own policies determine them.
func editFilter(ctx context.Context, f *hcmv3.HttpFilter, of message, on []policy.Attachment) (failed, error) {
	if f.GetTypedConfig() == nil || strings.HasPrefix(f.GetName(), xds.MetadataNamespace+"/") {
		return nil, nil
	}
	if on = selectingFilter(on, f.GetTypedConfig().MessageName()); len(on) == 0 {
		return nil, nil
	}
	m, err := xdspatch.Unpack(f.GetTypedConfig())
	if err != nil {
		return nil, fmt.Errorf("HTTP filter %q: %w", f.GetName(), err)
	}
	before := proto.Clone(m)
	fails := edit(ctx, message{kind: v1alpha1.XDSHTTPFilter, Message: m, target: of.target}, on)
	if proto.Equal(before, m) {
		return fails, nil
	}
	packed, err := xds.Any(m)
	if err != nil {
		return nil, err
	}
	f.ConfigType = &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed}
	return fails, nil
}

// selectingFilter returns the policies that select filters with a configuration of the message
// type.
func selectingFilter(on []policy.Attachment, config protoreflect.FullName) (out []policy.Attachment) {
	for _, c := range on {
		if slices.ContainsFunc(content(c.Object).Spec.Patches, func(p v1alpha1.XDSPatch) bool {
			return p.Select.Kind == v1alpha1.XDSHTTPFilter && xdspatch.Root(p.Select) == config
		}) {
			out = append(out, c)
		}
	}
	return out
}
