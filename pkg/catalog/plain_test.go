package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/wire"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// plain runs translations without any optimization: it decodes everything with the generated types,
// sequentially, every time. [engine.Engine] is compared with it.
type plain []mutator.Feature

func (p plain) run(t *testing.T, call *engine.Call) *engine.Response {
	t.Helper()
	in := p.input(t, call)
	for {
		counts := mutator.Counts{}
		res := p.translate(t, mutator.WithCounts(t.Context(), counts), in, call)
		in = in.WithCounts(counts)
		rejected := maps.Clone(in.Rejected)
		for _, f := range p {
			if f.Rejects == nil || !f.Uses(in.Hook) {
				continue
			}
			for o, err := range f.Rejects(in) {
				if rejected == nil {
					rejected = map[policy.ID]error{}
				}
				if rejected[o.ID()] == nil {
					rejected[o.ID()] = err
				}
			}
		}
		if len(rejected) == len(in.Rejected) {
			p.report(in, res)
			return res
		}
		in = &mutator.Input{Hook: in.Hook, Objects: in.Objects.WithErrors(rejected), Kinds: in.Kinds, Routes: in.Routes, Rejected: rejected}
	}
}

func (p plain) report(in *mutator.Input, res *engine.Response) {
	for _, f := range p {
		if f.Reporter != nil && f.Uses(in.Hook) {
			res.Policies = append(res.Policies, f.Reporter.Report(in)...)
		}
	}
}

// translate runs all features once on the resources of a call.
func (p plain) translate(t *testing.T, ctx context.Context, in *mutator.Input, call *engine.Call) *engine.Response {
	t.Helper()
	features := p
	p = p.withVariants()
	res := &engine.Response{}
	for _, list := range call.Resources {
		out := engine.Resources{Kind: list.Kind}
		for _, raw := range list.Encoded {
			out.Encoded = append(out.Encoded, p.treat(t, ctx, in, list.Kind, raw, res))
		}
		res.Resources = append(res.Resources, out)
	}
	for i, list := range res.Resources {
		if list.Kind == mutator.KindRouteConfiguration {
			res.Resources[i].Encoded = withoutMarks(t, list.Encoded, renamed(t, call, res))
		}
	}
	for _, f := range p {
		if f.Additions != nil && f.Uses(in.Hook) {
			p.add(t, in, f, res)
		}
	}
	features.addCopies(t, ctx, in, res)
	for i, raw := range call.Resources[0].Encoded {
		if c := clusterOf(t, raw); c.GetName() != clusterOf(t, res.Resources[0].Encoded[i]).GetName() && len(c.GetHealthChecks()) == 0 && c.GetEdsClusterConfig() != nil {
			kept := p.others().treat(t, t.Context(), in, mutator.KindCluster, raw, &engine.Response{})
			res.Resources[0].Encoded = append(res.Resources[0].Encoded, kept)
		}
	}
	p.drop(t, call, res)
	return res
}

// others returns the features that do not rename clusters.
func (p plain) others() plain {
	return slices.DeleteFunc(slices.Clone(p), func(f mutator.Feature) bool { return f.RenamesClusters })
}

// treat runs all features on a resource.
func (p plain) treat(t *testing.T, ctx context.Context, in *mutator.Input, kind mutator.Kind, raw []byte, res *engine.Response) []byte {
	t.Helper()
	switch kind {
	case mutator.KindCluster:
		return plainly(t, ctx, p, in, kind, raw, res, &clusterv3.Cluster{}, xds.DenyCluster, func(f mutator.Feature) mutator.Cluster { return f.Clusters })
	case mutator.KindSecret:
		return plainly(t, ctx, p, in, kind, raw, res, &tlsv3.Secret{}, xds.DenySecret, func(f mutator.Feature) mutator.Secret { return f.Secrets })
	case mutator.KindListener:
		return plainly(t, ctx, p, in, kind, raw, res, &listenerv3.Listener{}, xds.DenyListener, func(f mutator.Feature) mutator.Listener { return f.Listeners })
	case mutator.KindRouteConfiguration:
		return plainly(t, ctx, p, in, kind, raw, res, &routev3.RouteConfiguration{}, xds.DenyRouteConfiguration,
			func(f mutator.Feature) mutator.RouteConfiguration { return f.RouteConfigurations })
	}
	require.FailNow(t, "no such kind in a translation", kind)
	return nil
}

// resource is the interface of all kinds of resources.
type resource interface {
	proto.Message
	GetName() string
	ValidateAll() error
}

// decoded is a resource as a [mutator.View].
type decoded struct{ resource }

func (d decoded) Name() string { return d.GetName() }

func (d decoded) References() []xds.Reference {
	if m, ok := d.resource.(interface{ GetMetadata() *corev3.Metadata }); ok {
		return xds.References(m.GetMetadata())
	}
	return nil
}

// plainly runs the features that have a mutator for its kind on a resource.
func plainly[T resource](
	t *testing.T, ctx context.Context, p plain, in *mutator.Input, kind mutator.Kind, raw []byte, res *engine.Response,
	c T, deny func(T) error, of func(mutator.Feature) mutator.Planner[T],
) []byte {
	t.Helper()
	require.NoError(t, proto.Unmarshal(raw, c))
	came := decoded{proto.Clone(c).(T)}
	out := raw
	for _, f := range p {
		m := of(f)
		if m == nil || !f.Uses(in.Hook) {
			continue
		}
		plan := m.Plan(in, came)
		if plan == nil {
			continue
		}
		next, verdict, partial, err := edit(ctx, plan, c, deny, onError(f, plan))
		res.Outcomes = append(res.Outcomes, &engine.Outcome{Feature: f.Name, Kind: kind, Name: came.GetName(), Result: verdict, Err: err})
		res.Outcomes = append(res.Outcomes, partialOutcomes(f.Name, kind, came.GetName(), partial)...)
		if verdict == engine.Applied || verdict == engine.Denied {
			out = deterministic(t, next)
		}
		if c = next; verdict == engine.Denied {
			break
		}
	}
	return out
}

func partialOutcomes(feature string, kind mutator.Kind, name string, failures []mutator.PartialFailure) (out []*engine.Outcome) {
	for _, p := range failures {
		o := &engine.Outcome{Feature: feature, Kind: kind, Name: name, Result: engine.Ignored, Err: p.Err}
		if p.Denied {
			o.Result = engine.Denied
		}
		out = append(out, o)
	}
	return out
}

// onError returns the failure policy of the plan or of the feature.
func onError[T proto.Message](f mutator.Feature, plan *mutator.Plan[T]) mutator.FailurePolicy {
	if plan.OnFailure != "" {
		return plan.OnFailure
	}
	return f.FailurePolicy
}

// edit runs a mutator on a copy.
func edit[T resource](
	ctx context.Context, plan *mutator.Plan[T], c T, deny func(T) error, onError mutator.FailurePolicy,
) (T, engine.Result, []mutator.PartialFailure, error) {
	edited := proto.Clone(c).(T)
	err := plan.Edit(ctx, edited)
	var partial []mutator.PartialFailure
	if p := (*mutator.PartialError)(nil); errors.As(err, &p) {
		partial, err = p.Failures, nil
	}
	if err == nil {
		if err = edited.ValidateAll(); err != nil {
			err = fmt.Errorf("the result is invalid: %w", err)
		}
	}
	switch {
	case err != nil && onError == mutator.Ignore:
		return c, engine.Ignored, nil, err
	case err != nil:
		rejecting := proto.Clone(c).(T)
		return rejecting, engine.Denied, nil, errors.Join(err, deny(rejecting))
	case proto.Equal(c, edited):
		return c, engine.Unchanged, partial, nil
	}
	return edited, engine.Applied, partial, nil
}

func (p plain) input(t *testing.T, call *engine.Call) *mutator.Input {
	t.Helper()
	var kinds []policy.Kind
	for _, f := range p {
		kinds = slices.Concat(kinds, f.Policies, f.Filters, f.Backends)
	}
	objects, err := policy.NewSet(kinds, call.Objects)
	require.NoError(t, err)
	var all []xds.Configuration
	for _, list := range call.Resources {
		for _, raw := range list.Encoded {
			if list.Kind != mutator.KindRouteConfiguration {
				continue
			}
			rc := &routev3.RouteConfiguration{}
			require.NoError(t, proto.Unmarshal(raw, rc))
			c := xds.Configuration{Name: rc.GetName()}
			slices.SortStableFunc(rc.GetVirtualHosts(), func(a, b *routev3.VirtualHost) int { return strings.Compare(a.GetName(), b.GetName()) })
			for _, vh := range rc.GetVirtualHosts() {
				c.Hosts = append(c.Hosts, xds.NewVirtualHostIndex(vh))
			}
			all = append(all, c)
		}
	}
	var present []mutator.Kind
	for _, list := range call.Resources {
		if len(list.Encoded) > 0 {
			present = append(present, list.Kind)
		}
	}
	return &mutator.Input{Hook: call.Hook, Objects: objects, Kinds: present, Routes: sync.OnceValue(func() *xds.RouteIndex { return xds.NewRouteIndex(all) })}
}

// add upserts the clusters of a feature.
func (p plain) add(t *testing.T, in *mutator.Input, f mutator.Feature, res *engine.Response) {
	t.Helper()
	additions, err := f.Additions.Add(t.Context(), in)
	require.NoError(t, err)
	clusters := &res.Resources[0]
next:
	for _, a := range additions.Clusters {
		o := &engine.Outcome{Feature: f.Name, Kind: mutator.KindCluster, Name: a.GetName(), Result: engine.Added}
		for _, raw := range clusters.Encoded {
			c := &clusterv3.Cluster{}
			require.NoError(t, proto.Unmarshal(raw, c))
			if c.GetName() == a.GetName() {
				require.True(t, proto.Equal(a, c), "golden files have no such cluster")
				o.Result = engine.Unchanged
				res.Outcomes = append(res.Outcomes, o)
				continue next
			}
		}
		clusters.Encoded = append(clusters.Encoded, deterministic(t, a))
		res.Outcomes = append(res.Outcomes, o)
	}
}

func clusterOf(t *testing.T, raw []byte) *clusterv3.Cluster {
	t.Helper()
	c := &clusterv3.Cluster{}
	require.NoError(t, proto.Unmarshal(raw, c))
	return c
}

// renamed returns the new names of renamed clusters.
func renamed(t *testing.T, call *engine.Call, res *engine.Response) map[string]string {
	t.Helper()
	out := map[string]string{}
	for i, raw := range call.Resources[0].Encoded {
		if was, is := clusterOf(t, raw).GetName(), clusterOf(t, res.Resources[0].Encoded[i]).GetName(); was != is {
			out[was] = is
		}
	}
	return out
}

// withoutMarks removes the entries of routes, changes routes to renamed clusters, and encodes
// virtual hosts again if this changes them.
func withoutMarks(t *testing.T, encoded [][]byte, renamed map[string]string) (out [][]byte) {
	t.Helper()
	for _, raw := range encoded {
		out = append(out, wire.Replace(raw, 2, func(host []byte) []byte { // RouteConfiguration.virtual_hosts
			vh := &routev3.VirtualHost{}
			require.NoError(t, proto.Unmarshal(host, vh))
			found := xds.ReleaseRoutes(vh, mutator.IsReadable)
			for _, r := range vh.GetRoutes() {
				xds.RenameClusters(r.GetRoute(), func(name string) string {
					if renamed[name] == "" {
						return name
					}
					found = true
					return renamed[name]
				})
			}
			if !found {
				return host
			}
			return deterministic(t, vh)
		}))
	}
	return out
}

func deterministic(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return b
}
