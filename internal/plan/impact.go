package plan

import (
	"fmt"
	"slices"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"google.golang.org/protobuf/proto"
)

// Impact is the effect of a change on connections and requests.
type Impact struct {
	// Drains is true if client connections are closed after the drain time.
	Drains bool `json:"drains"`
	// Warms is true if Envoy warms a cluster before requests use it.
	Warms bool `json:"warms"`
	// Message describes the effect.
	Message string `json:"impact"`
}

// impact returns the effect of a change of a resource in Envoy; before is nil if it is added, after
// if it is removed.
func impact(before, after proto.Message) Impact {
	switch now := after.(type) {
	case *clusterv3.Cluster:
		if before == nil {
			return Impact{Warms: true, Message: "new cluster: warms before requests use it"}
		}
		// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/upstream/cluster_manager_impl.cc
		return Impact{Warms: true, Message: "warms again: the previous version serves requests until then; after that, its connections to backends are closed"}
	case *listenerv3.Listener:
		if then, ok := before.(*listenerv3.Listener); ok {
			return listenerImpact(then, now)
		}
		return Impact{Message: "new listener"}
	}
	switch before.(type) {
	case *clusterv3.Cluster:
		return Impact{Message: "its connections to backends are closed"}
	case *listenerv3.Listener:
		if after == nil {
			return Impact{Drains: true, Message: "the listener drains: all of its connections are closed after the drain time"}
		}
	}
	return Impact{Message: "in place: no connection is closed"}
}

// listenerImpact returns the effect of a change of a listener. If only filter chains change, only
// connections of the changed ones drain; otherwise all do.
// https://github.com/envoyproxy/envoy/blob/v1.39.1/source/common/listener_manager/listener_impl.cc
func listenerImpact(before, after *listenerv3.Listener) Impact {
	if len(after.GetFilterChains()) == 0 || !proto.Equal(withoutChains(before), withoutChains(after)) {
		return Impact{Drains: true, Message: "the listener drains: all of its connections are closed after the drain time"}
	}
	drained := 0
	now := chainsOf(after)
	for _, fc := range chainsOf(before) {
		if !slices.ContainsFunc(now, func(other *listenerv3.FilterChain) bool { return proto.Equal(fc, other) }) {
			drained++
		}
	}
	if drained == 0 {
		return Impact{Message: "in place: no connection is closed"}
	}
	return Impact{Drains: true, Message: fmt.Sprintf("%d of %d filter chains drain: their connections are closed after the drain time, others stay", drained, len(chainsOf(before)))}
}

func withoutChains(l *listenerv3.Listener) *listenerv3.Listener {
	l = proto.CloneOf(l)
	l.FilterChains, l.DefaultFilterChain, l.FilterChainMatcher = nil, nil, nil
	return l
}

func chainsOf(l *listenerv3.Listener) []*listenerv3.FilterChain {
	all := slices.Clone(l.GetFilterChains())
	if l.GetDefaultFilterChain() != nil {
		all = append(all, l.GetDefaultFilterChain())
	}
	return all
}
