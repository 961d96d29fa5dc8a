package plan

import (
	"encoding/json"
	"fmt"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/envoyapi"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// controlPlane is the cluster from which Envoy would fetch resources. To validate, Envoy does not
// connect to it.
const controlPlane = "egraft-plan-control-plane"

type object = map[string]any

// Bootstraps returns Envoy configurations with the clusters, listeners and routes of a Gateway,
// before and after the changes. They have no secrets, because recordings have none.
func (g *Gateway) Bootstraps() (before, after []byte, err error) {
	if before, err = bootstrap(g.before); err == nil {
		after, err = bootstrap(g.after)
	}
	return before, after, err
}

func bootstrap(lists []engine.Resources) ([]byte, error) {
	routes, resources := map[string]*routev3.RouteConfiguration{}, map[mutator.Kind][]proto.Message{}
	for _, list := range lists {
		for _, raw := range list.Encoded {
			m, err := callfile.Decode(list.Kind, raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", list.Kind, err)
			}
			if rc, ok := m.(*routev3.RouteConfiguration); ok {
				routes[rc.GetName()] = rc
			}
			resources[list.Kind] = append(resources[list.Kind], m)
		}
	}
	for _, m := range resources[mutator.KindListener] {
		if err := inline(m.(*listenerv3.Listener), routes); err != nil {
			return nil, err
		}
	}
	clusters, err := texts(resources[mutator.KindCluster])
	if err != nil {
		return nil, err
	}
	listeners, err := texts(resources[mutator.KindListener])
	if err != nil {
		return nil, err
	}
	ads := object{"apiType": "GRPC", "transportApiVersion": "V3", "grpcServices": []object{{"envoyGrpc": object{"clusterName": controlPlane}}}}
	control, err := json.Marshal(object{
		"name": controlPlane, "type": "STATIC", "connectTimeout": "1s", "loadAssignment": object{"clusterName": controlPlane},
		"typedExtensionProtocolOptions": object{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": object{
			"@type":              "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
			"explicitHttpConfig": object{"http2ProtocolOptions": object{}},
		}},
	})
	if err != nil {
		return nil, err
	}
	return json.Marshal(object{
		"node":             object{"id": "egraft-plan", "cluster": "egraft-plan"},
		"dynamicResources": object{"adsConfig": ads},
		"staticResources":  object{"clusters": append([]json.RawMessage{control}, clusters...), "listeners": listeners},
	})
}

// inline puts route configurations into the HTTP connection managers that refer to them by name:
// Envoy does not validate what it would receive later.
func inline(l *listenerv3.Listener, routes map[string]*routev3.RouteConfiguration) error {
	for _, fc := range xds.FilterChains(l) {
		_, err := xds.EditHCM(fc, func(hcm *hcmv3.HttpConnectionManager) (bool, error) {
			rc := routes[hcm.GetRds().GetRouteConfigName()]
			if rc == nil {
				return false, nil
			}
			hcm.RouteSpecifier = &hcmv3.HttpConnectionManager_RouteConfig{RouteConfig: rc}
			return true, nil
		})
		if err != nil {
			return fmt.Errorf("listener %q: %w", l.GetName(), err)
		}
	}
	return nil
}

func texts(all []proto.Message) (out []json.RawMessage, err error) {
	for _, m := range all {
		text, err := protojson.MarshalOptions{Resolver: envoyapi.Types{}}.Marshal(m)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}
