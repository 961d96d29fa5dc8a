package filterpolicy_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/features/filterpolicy"
	"github.com/egraft/egraft/pkg/mutator"
)

// TestTooLargeForARoute: the Route hook reports a policy that is too large for a route, because no
// other hook receives the policy.
func TestTooLargeForARoute(t *testing.T) {
	var text bytes.Buffer // random, so that it does not compress
	for i := range 500 {
		fmt.Fprintf(&text, "%x", uint64(i+1)*0x9e3779b97f4a7c15)
	}
	policy := fmt.Appendf(nil, `{"apiVersion":"egraft.io/v1alpha1","kind":"FilterPolicy","metadata":{"namespace":"default","name":"large"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"HTTPRoute","name":"a"}],
		"filter":{"name":"lua","typedConfig":{"@type":"type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua","default_source_code":{"inline_string":%q}}}}}`, "-- "+text.String())
	resources, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "HTTPRoute", "namespace": "default", "name": "a", "sectionName": "rule"}}})
	require.NoError(t, err)
	route, err := proto.Marshal(&routev3.Route{
		Name:     "httproute/default/a/rule/0/match/0",
		Match:    &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Metadata: &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"envoy-gateway": resources}},
		Action:   &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	})
	require.NoError(t, err)
	e, err := engine.New([]mutator.Feature{filterpolicy.New(time.Second)})
	require.NoError(t, err)
	res, err := e.Run(t.Context(), &engine.Call{Hook: mutator.HookRoute, Objects: [][]byte{policy}, Resources: []engine.Resources{{Kind: mutator.KindRoute, Encoded: [][]byte{route}}}})
	require.NoError(t, err)
	require.Len(t, res.Policies, 1)
	require.Equal(t, mutator.ApplyFailed, res.Policies[0].Reason, res.Policies[0].Message)
	require.Regexp(t, `takes \d+ bytes on each xDS route of its target, more than the 3072 that a policy may take`, res.Policies[0].Message)
}
