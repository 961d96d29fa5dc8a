package xdspatchpolicy

import (
	"context"
	"fmt"
	"slices"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/egraft/egraft/internal/xdspatch"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// reference is the name of another resource in a message.
type reference struct {
	kind mutator.Kind
	name string
}

// referringFields are the fields that can contain references.
var referringFields = []protoreflect.Name{
	"virtual_hosts", "routes", "route", "request_mirror_policies", "rds", "route_config", "filters", "filter_chains", "default_filter_chain",
}

// refersTo returns the clusters and route configurations that a message refers to, if patches of
// the paths may have changed them.
func refersTo(m proto.Message, written []xdspatch.Path) (all []reference) {
	if !slices.ContainsFunc(touched(written), func(fd protoreflect.FieldDescriptor) bool { return slices.Contains(referringFields, fd.Name()) }) {
		return nil
	}
	switch m := m.(type) {
	case *routev3.Route:
		return ofRouteAction(m.GetRoute())
	case *routev3.VirtualHost:
		return ofHost(m)
	case *routev3.RouteConfiguration:
		return ofConfiguration(m)
	case *hcmv3.HttpConnectionManager:
		return ofManager(m)
	case *listenerv3.FilterChain:
		return ofChain(m)
	case *listenerv3.Listener:
		for _, fc := range xds.FilterChains(m) {
			all = append(all, ofChain(fc)...)
		}
	}
	return all
}

func ofChain(fc *listenerv3.FilterChain) (all []reference) {
	_, _ = xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
		all = append(all, ofManager(hcm)...)
		return false, nil
	})
	return all
}

func ofManager(hcm *hcmv3.HttpConnectionManager) []reference {
	if rds := hcm.GetRds(); rds != nil {
		return []reference{{mutator.KindRouteConfiguration, rds.GetRouteConfigName()}}
	}
	return ofConfiguration(hcm.GetRouteConfig())
}

func ofConfiguration(rc *routev3.RouteConfiguration) []reference {
	all := ofMirrors(rc.GetRequestMirrorPolicies())
	for _, vh := range rc.GetVirtualHosts() {
		all = append(all, ofHost(vh)...)
	}
	return all
}

func ofHost(vh *routev3.VirtualHost) []reference {
	all := ofMirrors(vh.GetRequestMirrorPolicies())
	for _, r := range vh.GetRoutes() {
		all = append(all, ofRouteAction(r.GetRoute())...)
	}
	return all
}

func ofRouteAction(a *routev3.RouteAction) []reference {
	all := ofMirrors(a.GetRequestMirrorPolicies())
	if name := a.GetCluster(); name != "" {
		all = append(all, reference{mutator.KindCluster, xds.Released(name)})
	}
	for _, w := range a.GetWeightedClusters().GetClusters() {
		all = append(all, reference{mutator.KindCluster, xds.Released(w.GetName())})
	}
	return all
}

func ofMirrors(mirrors []*routev3.RouteAction_RequestMirrorPolicy) (all []reference) {
	for _, m := range mirrors {
		if m.GetCluster() != "" {
			all = append(all, reference{mutator.KindCluster, xds.Released(m.GetCluster())})
		}
	}
	return all
}

// brought are the references that a patch added.
type brought struct {
	field string
	all   []reference
}

// bringing returns the references that patch i of a policy added to a message, compared with
// before.
func bringing(i int, p *xdspatch.Patch, before []reference, m proto.Message) brought {
	var added []reference
	for _, r := range refersTo(m, p.Writes()) {
		if !slices.Contains(before, r) && !slices.Contains(added, r) {
			added = append(added, r)
		}
	}
	if len(added) == 0 {
		return brought{}
	}
	return brought{fmt.Sprintf("spec.patches[%d]: %s", i, fieldOf(p)), added}
}

// fieldOf returns the field of a patch that can contain references.
func fieldOf(p *xdspatch.Patch) string {
	for _, path := range p.Writes() {
		if slices.ContainsFunc(path.Touched(), func(fd protoreflect.FieldDescriptor) bool { return slices.Contains(referringFields, fd.Name()) }) {
			return path.String()
		}
	}
	return ""
}

// refer registers the references of a policy, which is rejected if one leads nowhere.
func refer(ctx context.Context, o *policy.Object, all []brought) {
	for _, b := range all {
		for _, r := range b.all {
			mutator.Refer(ctx, o, b.field, r.kind, r.name)
		}
	}
}
