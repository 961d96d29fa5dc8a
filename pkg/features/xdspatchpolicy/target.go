package xdspatchpolicy

import (
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/xds"
)

// annotationPrefix begins the names of the annotations that Envoy Gateway copies into metadata. It
// removes the prefix there.
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/metadata.go
const annotationPrefix = "gateway.envoyproxy.io/"

// targetOf returns what expressions see of the object that a message was made from: the first
// object in the metadata, or otherwise the first Gateway listener of the message.
func targetOf(listeners []xds.Reference, md *corev3.Metadata) (t xdspatch.Target) {
	if len(listeners) > 0 {
		t.Gateway = xdspatch.Object{Namespace: listeners[0].Namespace, Name: listeners[0].Name}
	}
	refs := xds.References(md)
	if len(refs) == 0 {
		refs = listeners
	}
	if len(refs) > 0 {
		t.Kind, t.Namespace, t.Name, t.Section = refs[0].Kind, refs[0].Namespace, refs[0].Name, refs[0].SectionName
	}
	t.Annotations = annotationsOf(md)
	return t
}

// annotationsOf returns the annotations of the first object in the metadata.
func annotationsOf(md *corev3.Metadata) map[string]string {
	resources := md.GetFilterMetadata()[xds.GatewayMetadataNamespace].GetFields()["resources"].GetListValue().GetValues()
	if len(resources) == 0 {
		return nil
	}
	out := map[string]string{}
	for name, v := range resources[0].GetStructValue().GetFields()["annotations"].GetStructValue().GetFields() {
		out[strings.TrimPrefix(name, annotationPrefix)] = v.GetStringValue()
	}
	return out
}
