package xdspatchpolicy

import (
	"slices"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// A second pass over a route or cluster does not receive the policies of routes, and must not let a
// Gateway's policy set a field that one of them won. The message's metadata therefore stores those
// fields.

// winnersNamespace is the metadata namespace of these fields, each with the policy that set it.
const winnersNamespace = xds.MetadataNamespace + "/xds-patch-policy"

// keepWinner stores in a message's metadata the field that a policy of a route won.
func keepWinner(m message, lost *conflict) {
	md := metadataOf(m)
	if md == nil || lost.with.Specificity < policy.ToRoute {
		return
	}
	if *md == nil {
		*md = &corev3.Metadata{}
	}
	if (*md).FilterMetadata == nil {
		(*md).FilterMetadata = map[string]*structpb.Struct{}
	}
	won := (*md).FilterMetadata[winnersNamespace]
	if won == nil {
		won = &structpb.Struct{Fields: map[string]*structpb.Value{}}
		(*md).FilterMetadata[winnersNamespace] = won
	}
	won.Fields[lost.path.String()] = structpb.NewStringValue(lost.with.Namespace + "/" + lost.with.Name)
}

func metadataOf(m message) **corev3.Metadata {
	switch t := m.Message.(type) {
	case *routev3.Route:
		return &t.Metadata
	case *clusterv3.Cluster:
		return &t.Metadata
	}
	return nil
}

// winnersOf returns the fields that policies of routes won in an earlier pass.
func winnersOf(m message, on []policy.Attachment) (out []writes) {
	md := metadataOf(m)
	if md == nil {
		return nil
	}
	for text, v := range (*md).GetFilterMetadata()[winnersNamespace].GetFields() {
		by := &policy.Object{GroupVersionKind: gvk}
		by.Namespace, by.Name, _ = strings.Cut(v.GetStringValue(), "/")
		path, err := xdspatch.ParsePath(v1alpha1.XDSSelect{Kind: m.kind}, text)
		if err != nil || slices.ContainsFunc(on, func(c policy.Attachment) bool { return c.String() == by.String() }) {
			continue
		}
		out = append(out, writes{by: policy.Attachment{Object: by, Specificity: policy.ToRoute}, paths: []xdspatch.Path{path}})
	}
	slices.SortFunc(out, func(a, b writes) int { return strings.Compare(a.paths[0].String(), b.paths[0].String()) })
	return out
}
