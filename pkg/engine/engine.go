// Package engine runs mutator families over the resources of a call.
//
// For each resource it asks which mutators apply, decodes the resource only if one does,
// lets each edit a copy, and commits the copy if the mutator succeeded and the result is
// valid. Otherwise the family's failure policy decides. Whatever goes wrong is contained
// to one mutator and one resource: an error is returned only for a family whose failure
// policy is Fail and for bytes that are no message.
//
// The engine knows neither gRPC nor any particular mutator or policy.
package engine

import (
	"context"
	"fmt"
	"sync"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Engine runs an ordered list of families. It is safe for concurrent use.
type Engine struct {
	families []mutator.Family
	kinds    []policy.Kind
	chains   map[mutator.Hook]map[mutator.Kind]runner
}

// runner is a chain of whatever type of resource.
type runner interface {
	run(ctx context.Context, in *mutator.Input, raw []byte) ([]byte, []Outcome, error)
	name(raw []byte) string
}

// New prepares the families, whose order is the order of execution.
func New(families []mutator.Family) (*Engine, error) {
	if err := mutator.Validate(families); err != nil {
		return nil, err
	}
	e := &Engine{families: families, chains: map[mutator.Hook]map[mutator.Kind]runner{}}
	for _, f := range families {
		e.kinds = append(e.kinds, f.Policies...)
		e.kinds = append(e.kinds, f.Filters...)
		e.kinds = append(e.kinds, f.Backends...)
	}
	for _, h := range mutator.Hooks() {
		e.chains[h] = chainsOf(h, families)
	}
	return e, nil
}

// chainsOf builds the chains of a hook, by kind of resource.
func chainsOf(h mutator.Hook, families []mutator.Family) map[mutator.Kind]runner {
	m := map[mutator.Kind]runner{}
	add(m, h, families, mutator.KindRoute, (*routev3.Route)(nil), xds.DenyRoute,
		func(f mutator.Family) mutator.Route { return f.Routes })
	add(m, h, families, mutator.KindVirtualHost, (*routev3.VirtualHost)(nil), xds.DenyVirtualHost,
		func(f mutator.Family) mutator.VirtualHost { return f.VirtualHosts })
	add(m, h, families, mutator.KindListener, (*listenerv3.Listener)(nil), xds.DenyListener,
		func(f mutator.Family) mutator.Listener { return f.Listeners })
	add(m, h, families, mutator.KindCluster, (*clusterv3.Cluster)(nil), xds.DenyCluster,
		func(f mutator.Family) mutator.Cluster { return f.Clusters })
	add(m, h, families, mutator.KindEndpoints, (*endpointv3.ClusterLoadAssignment)(nil), xds.DenyEndpoints,
		func(f mutator.Family) mutator.Endpoints { return f.Endpoints })
	add(m, h, families, mutator.KindSecret, (*tlsv3.Secret)(nil), xds.DenySecret,
		func(f mutator.Family) mutator.Secret { return f.Secrets })
	add(m, h, families, mutator.KindRouteConfiguration, (*routev3.RouteConfiguration)(nil), xds.DenyRouteConfiguration,
		func(f mutator.Family) mutator.RouteConfiguration { return f.RouteConfigurations })
	return m
}

// Run answers a call. With an error, the result has the outcomes until then and no
// resources.
func (e *Engine) Run(ctx context.Context, call *Call) (*Result, error) {
	in, warning := e.input(call)
	res := &Result{Subject: func() string { return e.subject(in, call) }}
	if warning != nil {
		res.Warnings = append(res.Warnings, warning)
	}
	for _, list := range call.Resources {
		out, err := e.list(ctx, in, list, res)
		if err != nil {
			return &Result{Outcomes: res.Outcomes, Subject: res.Subject}, err
		}
		res.Resources = append(res.Resources, Resources{list.Kind, out})
	}
	if call.Hook == mutator.HookTranslation {
		if err := e.finish(ctx, in, res); err != nil {
			return &Result{Outcomes: res.Outcomes, Subject: res.Subject}, err
		}
	}
	e.report(in, res)
	return res, nil
}

func (e *Engine) input(call *Call) (*mutator.Input, error) {
	set, err := policy.NewSet(e.kinds, call.Objects)
	in := &mutator.Input{Hook: call.Hook, Objects: set, Hostnames: call.Hostnames}
	if call.Hook == mutator.HookTranslation {
		in.Reach = sync.OnceValue(func() *xds.Reach { return reach(call) })
	}
	return in, err
}

// list runs the chain of the kind over the resources, if there is one.
func (e *Engine) list(ctx context.Context, in *mutator.Input, list Resources, res *Result) ([][]byte, error) {
	chain := e.chains[in.Hook][list.Kind]
	if chain == nil {
		return list.Encoded, nil
	}
	out := make([][]byte, 0, len(list.Encoded)+1)
	for _, raw := range list.Encoded {
		changed, outcomes, err := chain.run(ctx, in, raw)
		res.Outcomes = append(res.Outcomes, outcomes...)
		if err != nil {
			return nil, fmt.Errorf("%s hook: %w", in.Hook, err)
		}
		out = append(out, changed)
	}
	return out, nil
}

// report asks the families what became of their policies. A reporter that panics loses
// its report and nothing else.
func (e *Engine) report(in *mutator.Input, res *Result) {
	for _, f := range e.families {
		if f.Reporter == nil || !f.Uses(in.Hook) {
			continue
		}
		var outcomes []mutator.PolicyOutcome
		if err := contain(func() error { outcomes = f.Reporter.Report(in); return nil }); err != nil {
			res.Warnings = append(res.Warnings, fmt.Errorf("report of mutator %s: %w", f.Name, err))
			continue
		}
		res.Policies = append(res.Policies, outcomes...)
	}
}
