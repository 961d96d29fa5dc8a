//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	mutationv3 "github.com/envoyproxy/go-control-plane/envoy/config/common/mutation_rules/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	rbacconfigv3 "github.com/envoyproxy/go-control-plane/envoy/config/rbac/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	headermutationv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/header_mutation/v3"
	rbacv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	matcherv3 "github.com/envoyproxy/go-control-plane/envoy/type/matcher/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/e2e/ads"
)

// way is a way in which a policy changes a serving cleartext cluster to TLS: the resources that are
// set and removed when the policy is applied and deleted.
type way struct {
	name    string
	timeout time.Duration // for endpoints
	// again resends the unchanged endpoints in the same update.
	again bool
	// apart puts TLS in a cluster with another name.
	apart bool
	// removes removes the cleartext cluster.
	removes bool
	// proof makes routes require metadata on the cluster.
	proof bool
}

const (
	notSecured = "200 1 " + inCleartext
	secured    = "200 2 spiffe://example.org/envoy"
	lonely     = "x/egraft"
)

// plain returns the cluster before the policy.
func (w way) plain() *clusterv3.Cluster { return ads.Cluster("x", "1", w.timeout) }

func (w way) secured(l *secureLab, edit ...func(*tlsv3.UpstreamTlsContext)) *clusterv3.Cluster {
	c := l.secure(ads.Cluster("x", "2", w.timeout), edit...)
	if w.apart {
		c.Name, c.AltStatName = lonely, "x"
	}
	return c
}

// routes returns the routes to x, with or without the policy.
func (w way) routes(t *testing.T, policy bool) *routev3.RouteConfiguration {
	rc := ads.Routes("x", "other")
	r := rc.VirtualHosts[0].Routes[0]
	if policy && w.apart {
		r.GetRoute().ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: lonely}
	}
	if policy && w.proof {
		r.TypedPerFilterConfig = map[string]*anypb.Any{"proof": packed(t, &rbacv3.RBACPerRoute{Rbac: &rbacv3.RBAC{Rules: onlyWithProof()}})}
	}
	return rc
}

// with returns the updates for applying the policy.
func (w way) with(l *secureLab, edit ...func(*tlsv3.UpstreamTlsContext)) (set, remove []proto.Message) {
	set = append(set, w.secured(l, edit...), w.routes(l.t, true))
	if w.again {
		set = append(set, ads.Endpoints("x", l.backend))
	}
	if w.removes {
		remove = append(remove, w.plain())
	}
	return set, remove
}

// without returns the updates for deleting the policy.
func (w way) without(l *secureLab) (set, remove []proto.Message) {
	set = append(set, w.routes(l.t, false))
	if !w.apart || w.removes {
		set = append(set, w.plain())
	}
	if w.again {
		set = append(set, ads.Endpoints("x", l.backend))
	}
	if w.apart {
		remove = append(remove, w.secured(l))
	}
	return set, remove
}

// filters returns the filters in front of the router for all routes.
func (w way) filters(t *testing.T) []*hcmv3.HttpFilter {
	if !w.proof {
		return nil
	}
	return []*hcmv3.HttpFilter{
		{Name: "say", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(t, &headermutationv3.HeaderMutation{Mutations: &headermutationv3.Mutations{
			RequestMutations: []*mutationv3.HeaderMutation{
				{Action: &mutationv3.HeaderMutation_Remove{Remove: proofHeader}},
				{Action: &mutationv3.HeaderMutation_Append{Append: &corev3.HeaderValueOption{
					Header: &corev3.HeaderValue{Key: proofHeader, Value: "%CLUSTER_METADATA(e2e:generation)%"},
				}}},
			},
		}})}},
		{Name: "proof", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: packed(t, &rbacv3.RBAC{})}},
	}
}

const proofHeader = "x-e2e-proof"

func onlyWithProof() *rbacconfigv3.RBAC {
	exact := &matcherv3.StringMatcher{MatchPattern: &matcherv3.StringMatcher_Exact{Exact: "2"}}
	return &rbacconfigv3.RBAC{Policies: map[string]*rbacconfigv3.Policy{"proof": {
		Principals: []*rbacconfigv3.Principal{{Identifier: &rbacconfigv3.Principal_Any{Any: true}}},
		Permissions: []*rbacconfigv3.Permission{{Rule: &rbacconfigv3.Permission_Header{Header: &routev3.HeaderMatcher{
			Name: proofHeader, HeaderMatchSpecifier: &routev3.HeaderMatcher_StringMatch{StringMatch: exact},
		}}}},
	}}}
}

func packed(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	out, err := anypb.New(m)
	require.NoError(t, err)
	return out
}

// start starts with x in cleartext, and with another cluster that uses the secrets.
func (l *secureLab) start(w way) {
	l.t.Helper()
	listener, err := ads.Listener(w.filters(l.t)...)
	require.NoError(l.t, err)
	l.set(w.plain(), ads.Endpoints("x", l.backend), l.other("2"), ads.Endpoints("other", l.backend))
	l.bootWith(listener, w.routes(l.t, false))
	l.watch(time.Now(), "x", notSecured)
	l.watch(time.Now(), "other", secured)
}

// other returns a bystander that uses the agent's secrets.
func (l *secureLab) other(generation string) *clusterv3.Cluster {
	return l.secure(ads.StaticCluster("other", generation, l.backend))
}

func (w way) String() string {
	return fmt.Sprintf("%s, endpoints %s%s", w.name, shown(w.timeout, "unset"), map[bool]string{true: ", sent again"}[w.again])
}
