package xds

import (
	"slices"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"google.golang.org/protobuf/types/known/structpb"
)

// GatewayMetadataNamespace is the filter_metadata key under which Envoy Gateway names the
// Kubernetes objects from which a resource was generated. See
// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/xds/translator/metadata.go
const GatewayMetadataNamespace = "envoy-gateway"

// Kinds of Kubernetes objects as Envoy Gateway writes them into metadata.
const (
	KindGateway = "Gateway"
	// KindGatewayClass is only a target of policies: resources do not name their GatewayClass.
	KindGatewayClass = "GatewayClass"
	KindHTTPRoute    = "HTTPRoute"
	KindGRPCRoute    = "GRPCRoute"
)

// ofBackends are the kinds of objects from which Envoy Gateway generates the clusters of HTTPRoutes
// and GRPCRoutes: the routes, or the backends if it merges their clusters. Other clusters belong to
// TCPRoutes and similar routes, or to services in Envoy Gateway's policies.
var ofBackends = []string{KindHTTPRoute, KindGRPCRoute, "Service", "ServiceImport", "Backend"}

// IsBackend reports whether HTTPRoutes or GRPCRoutes may lead to a cluster that was generated from the
// objects.
func IsBackend(refs []Reference) bool {
	return slices.ContainsFunc(refs, func(r Reference) bool { return slices.Contains(ofBackends, r.Kind) })
}

// Reference names a Kubernetes object from which a resource was generated. SectionName is the listener's
// name for a Gateway, and the rule's name for a route; both may be empty.
type Reference struct {
	Kind, Namespace, Name, SectionName string
	// ListenerSet is namespace/name of the ListenerSet to which the listener belongs. It is empty
	// for a listener of the Gateway itself, see [ListenersOf].
	ListenerSet string
}

// String returns "Kind namespace/name" or "Kind namespace/name#section", or for a listener of a
// ListenerSet "Kind namespace/name ListenerSet namespace/name#section".
func (r Reference) String() string {
	s := r.Kind + " " + r.Namespace + "/" + r.Name
	if r.ListenerSet != "" {
		s += " ListenerSet " + r.ListenerSet
	}
	if r.SectionName != "" {
		s += "#" + r.SectionName
	}
	return s
}

// References returns the objects that Envoy Gateway names in md, in its order. It skips malformed
// entries.
func References(md *corev3.Metadata) []Reference {
	values := md.GetFilterMetadata()[GatewayMetadataNamespace].GetFields()["resources"].GetListValue().GetValues()
	refs := make([]Reference, 0, len(values))
	for _, v := range values {
		if f := v.GetStructValue().GetFields(); f != nil {
			refs = append(refs, reference(f))
		}
	}
	return refs
}

func reference(f map[string]*structpb.Value) Reference {
	kind := f["kind"].GetStringValue()
	if kind == "" {
		// Envoy Gateway copies the kind from the object's TypeMeta, which is empty in typed
		// Gateways, but not in routes.
		// https://github.com/envoyproxy/gateway/blob/v1.9.1/internal/gatewayapi/listener.go#L732
		kind = KindGateway
	}
	return Reference{
		Kind:        kind,
		Namespace:   f["namespace"].GetStringValue(),
		Name:        f["name"].GetStringValue(),
		SectionName: f["sectionName"].GetStringValue(),
	}
}
