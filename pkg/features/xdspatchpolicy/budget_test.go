package xdspatchpolicy

import (
	"fmt"
	"strings"
	"testing"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/policy"
)

// TestBudget: a namespace whose expressions cost too much on a resource fails there, and others do
// not.
func TestBudget(t *testing.T) {
	read := func(namespace, when, patch string) policy.Attachment {
		raw := fmt.Sprintf(`{"apiVersion":"egraft.io/v1alpha1","kind":"XDSPatchPolicy","metadata":{"namespace":%q,"name":"p"},"spec":{
			"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"eg"}],"patches":[{"select":{"kind":"Route"},"when":%q,%s}]}}`, namespace, when, patch)
		set, err := policy.NewSet([]policy.Kind{kind}, [][]byte{[]byte(raw)})
		require.NoError(t, err)
		o := set.Of(gvk)[0]
		require.NoError(t, o.Err)
		return policy.Attachment{Object: o, Specificity: policy.ToGateway}
	}
	numbers := "[" + strings.TrimSuffix(strings.Repeat("1,", 40), ",") + "]"
	costly := read("hostile", numbers+".all(x, "+numbers+".all(y, x + y > 0 && self.name != ''))", `"merge":{"route":{"timeout":"1s"}}`)
	cheap := read("other", "self.name != ''", `"merge":{"route":{"idleTimeout":"1s"}}`)

	ctx, failures := withBudgets(t.Context()), 0
	for range 200 {
		r := &routev3.Route{
			Name: "r", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
			Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
		}
		for _, f := range edit(ctx, message{kind: v1alpha1.XDSRoute, Message: r}, []policy.Attachment{costly, cheap}) {
			require.Equal(t, "hostile", f.Policies[0].Namespace)
			require.ErrorContains(t, f.Err, "cost too much on this resource")
			failures++
		}
		require.NotNil(t, r.GetRoute().GetIdleTimeout(), "the policy of the other namespace")
	}
	require.Greater(t, failures, 100)
	require.Less(t, failures, 200, "the first ones are within the budget")
	require.Empty(t, edit(withBudgets(t.Context()), message{kind: v1alpha1.XDSRoute, Message: &routev3.Route{
		Name: "r", Match: &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
		Action: &routev3.Route_Route{Route: &routev3.RouteAction{ClusterSpecifier: &routev3.RouteAction_Cluster{Cluster: "c"}}},
	}}, []policy.Attachment{costly}), "another resource has a budget of its own")
}
