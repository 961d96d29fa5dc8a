// Package engine runs features over the resources of a call.
//
// For each resource it gets the plans of the mutators, decodes the resource only if there is
// one, lets each mutator edit a copy, and commits the copy if the mutator succeeded and the
// result is valid. Otherwise the failure policy applies. A failure affects one mutator and one
// resource: Run returns an error only for a failure policy Fail, for bytes that cannot be decoded,
// and for a call without its resource.
//
// Custom resources are read in the same way: the header in linear time, the rest with a timeout,
// and a failure affects only the resource's own targets. An edit has also failed if the whole
// translation shows it: Envoy would reject it next to other resources, it refers to a resource
// that is not in the translation or was not added, or it makes a route too large. The engine then
// runs the resource's mutators again, with that one failed.
//
// The package must not depend on gRPC or on a particular mutator or policy.
package engine

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"

	"github.com/egraft/egraft/internal/cache"
	"github.com/egraft/egraft/internal/sandbox"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// Engine runs an ordered list of features. It is safe for concurrent use.
type Engine struct {
	features []mutator.Feature
	variants *variants
	chains   map[mutator.Hook]map[mutator.Kind]runner
	read     policy.WatchedRead
	cache    *cache.Cache
	cached   tables
	hosts    hostReader
	lastHost *atomic.Uint64 // the last ID
	sandbox  *sandbox.Sandbox
	reads    *sandbox.Sandbox                                // for reads of custom resources: by namespace, where sandbox is by feature
	excess   func([]*policy.Object) map[*policy.Object]error // nil without limits

	explaining     *sandbox.Sandbox // used by [Engine.Explain]
	recordsEffects bool
	shadow         *Engine // for custom resources with the effect Shadow, see [Engine.newShadow]
	isShadow       bool
}

// WithLimits sets [mutator.Input.Excess]: which policies in effect exceed a limit of their
// namespace. The result must depend on the policies only.
func WithLimits(excess func(inEffect []*policy.Object) map[*policy.Object]error) Option {
	return func(e *Engine) error {
		e.excess = excess
		return nil
	}
}

// runner is a chain for any type of resource.
type runner interface {
	// worker returns a function that runs the chain on one resource, and a function to call after
	// the last resource. It first looks up the results of the previous call in the cache.
	worker(ctx context.Context, in *mutator.Input, results *cache.Table[resourceKey, cachedResult], last []previous) (worker, func())
	name(raw []byte) string
	// without runs the chain as if the mutators of some owners had failed.
	without(ctx context.Context, in *mutator.Input, raw []byte, failed map[string]error) resourceResult
	// denyResource denies a resource for a feature, whatever the failure policy is.
	denyResource(raw []byte, feature string, reason error) resourceResult
	// sorted returns a copy of a resource with sorted maps.
	sorted(raw []byte) []byte
}

// Option changes an [Engine].
type Option func(*Engine) error

// New creates an engine. The order of the features is the order of execution.
func New(features []mutator.Feature, options ...Option) (*Engine, error) {
	if err := mutator.Validate(features); err != nil {
		return nil, err
	}
	original := features
	features, variants := withVariants(features)
	e := &Engine{
		features: features, variants: variants, chains: map[mutator.Hook]map[mutator.Kind]runner{}, sandbox: sandbox.New(), hosts: newHostReader(), lastHost: new(atomic.Uint64),
	}
	for _, option := range options {
		if err := option(e); err != nil {
			return nil, err
		}
	}
	e.cached = newTables(e.cache)
	var kinds []policy.Kind
	for _, f := range features {
		kinds = slices.Concat(kinds, f.Policies, f.Filters, f.Backends)
	}
	e.read = policy.WatchedReadOf(kinds)
	e.reads, e.explaining = e.sandbox.Sibling(), e.sandbox.Sibling()
	for _, h := range mutator.Hooks() {
		e.chains[h] = chainsOf(h, features, variants, e.sandbox, false)
	}
	e.shadow = e.newShadow(original)
	return e, nil
}

// chainsOf builds the chains of a hook, by kind of resource.
func chainsOf(h mutator.Hook, features []mutator.Feature, v *variants, g *sandbox.Sandbox, recordsEffects bool) map[mutator.Kind]runner {
	m := map[mutator.Kind]runner{}
	add(m, g, h, features, mutator.KindRoute, (*routev3.Route)(nil), xds.DenyRoute,
		func(f mutator.Feature) mutator.Route { return f.Routes }, recordsEffects)
	add(m, g, h, features, mutator.KindVirtualHost, (*routev3.VirtualHost)(nil), xds.DenyVirtualHost,
		func(f mutator.Feature) mutator.VirtualHost { return f.VirtualHosts }, recordsEffects)
	add(m, g, h, features, mutator.KindListener, (*listenerv3.Listener)(nil), xds.DenyListener,
		func(f mutator.Feature) mutator.Listener { return f.Listeners }, recordsEffects)
	add(m, g, h, features, mutator.KindCluster, (*clusterv3.Cluster)(nil), xds.DenyCluster,
		func(f mutator.Feature) mutator.Cluster { return f.Clusters }, recordsEffects)
	add(m, g, h, features, mutator.KindEndpoints, (*endpointv3.ClusterLoadAssignment)(nil), xds.DenyEndpoints,
		func(f mutator.Feature) mutator.Endpoints { return f.Endpoints }, recordsEffects)
	add(m, g, h, features, mutator.KindSecret, (*tlsv3.Secret)(nil), xds.DenySecret,
		func(f mutator.Feature) mutator.Secret { return f.Secrets }, recordsEffects)
	add(m, g, h, v.leading(features), mutator.KindRouteConfiguration, (*routev3.RouteConfiguration)(nil), xds.DenyRouteConfiguration,
		func(f mutator.Feature) mutator.RouteConfiguration { return f.RouteConfigurations }, recordsEffects)
	return m
}

// run responds to a call as [Engine.Run] does, without a timeout for plans.
func (e *Engine) run(ctx context.Context, call *Call) (*Response, error) {
	var configs []config
	if call.Hook == mutator.HookTranslation {
		configs = e.configs(call)
	}
	p := e.prepare(ctx, call, configs)
	for state, round := p, 0; ; round++ {
		res, err := e.respond(ctx, state, call, configs)
		if err != nil {
			return &Response{Outcomes: res.Outcomes, Subject: res.Subject, effects: res.effects}, err
		}
		rejected := e.rejects(ctx, res, round)
		if rejected == nil {
			e.addReports(ctx, state, res)
			return res, nil
		}
		state = e.withRejected(call, p, rejected, configs)
	}
}

// respond runs the features on the resources of a call. With an error, the response has the
// outcomes until then.
func (e *Engine) respond(ctx context.Context, p *callState, call *Call, configs []config) (*Response, error) {
	in := p.in
	res := &Response{Subject: func() string { return e.subject(in, call) }, names: map[mutator.Kind][]string{}, state: p, configs: configs}
	res.Warnings = append(broken(call, configs), p.warnings...)
	if err := e.missing(in, call, res); err != nil {
		return res, err
	}
	for _, list := range call.Resources {
		out, err := e.list(ctx, p, list, res)
		if err != nil {
			return res, fmt.Errorf("%s hook: %w", call.Hook, err)
		}
		res.Resources = append(res.Resources, Resources{list.Kind, out})
	}
	if call.Hook == mutator.HookTranslation {
		if err := e.finish(ctx, p, call, configs, res); err != nil {
			return res, err
		}
	}
	e.pruneSecrets(p.in, call, res)
	return res, nil
}
