package catalog_test

import (
	"context"
	"fmt"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// plain answers translations as one would without a thought of speed: everything is decoded
// with the generated types, one after another, every time. It is what [engine.Engine] is
// compared with, and knows as much as the built-in mutators need: clusters, additions,
// reports and marks.
type plain []mutator.Family

// decoded is a resource as a [mutator.View].
type decoded struct{ *clusterv3.Cluster }

func (d decoded) Name() string                { return d.GetName() }
func (d decoded) References() []xds.Reference { return xds.References(d.GetMetadata()) }

func (p plain) run(t *testing.T, call *engine.Call) *engine.Result {
	t.Helper()
	in, configs := p.input(t, call)
	res := &engine.Result{}
	for _, list := range call.Resources {
		out := engine.Resources{Kind: list.Kind}
		for i, raw := range list.Encoded {
			switch list.Kind {
			case mutator.KindCluster:
				raw = p.cluster(t, in, raw, res)
			case mutator.KindRouteConfiguration:
				raw = withoutMarks(t, configs[i], raw)
			}
			out.Encoded = append(out.Encoded, raw)
		}
		res.Resources = append(res.Resources, out)
	}
	for _, f := range p {
		p.add(t, in, f, res)
		res.Policies = append(res.Policies, f.Reporter.Report(in)...)
	}
	return res
}

func (p plain) input(t *testing.T, call *engine.Call) (*mutator.Input, []*routev3.RouteConfiguration) {
	t.Helper()
	var kinds []policy.Kind
	for _, f := range p {
		kinds = append(kinds, f.Policies...)
	}
	objects, err := policy.NewSet(kinds, call.Objects)
	require.NoError(t, err)
	var configs []*routev3.RouteConfiguration
	var all []xds.Configuration
	for _, list := range call.Resources {
		for _, raw := range list.Encoded {
			if list.Kind != mutator.KindRouteConfiguration {
				continue
			}
			rc := &routev3.RouteConfiguration{}
			require.NoError(t, proto.Unmarshal(raw, rc))
			configs = append(configs, rc)
			c := xds.Configuration{Name: rc.GetName()}
			for _, vh := range rc.GetVirtualHosts() {
				c.Hosts = append(c.Hosts, xds.ReadHost(vh))
			}
			all = append(all, c)
		}
	}
	return &mutator.Input{Hook: call.Hook, Objects: objects, Reach: func() *xds.Reach { return xds.NewReach(all) }}, configs
}

// cluster takes a cluster through all families.
func (p plain) cluster(t *testing.T, in *mutator.Input, raw []byte, res *engine.Result) []byte {
	t.Helper()
	c := &clusterv3.Cluster{}
	require.NoError(t, proto.Unmarshal(raw, c))
	out := raw
	for _, f := range p {
		if f.Clusters == nil || !f.Clusters.Applies(in, decoded{c}) {
			continue
		}
		next, verdict, err := edit(t.Context(), in, f, c)
		res.Outcomes = append(res.Outcomes, engine.Outcome{Family: f.Name, Kind: mutator.KindCluster, Name: c.GetName(), Verdict: verdict, Err: err})
		if verdict == engine.Applied || verdict == engine.Denied {
			out = deterministic(t, next)
		}
		if c = next; verdict == engine.Denied {
			break
		}
	}
	return out
}

// edit runs a mutator on a copy, and denies if it fails, as all built-in ones want it.
func edit(ctx context.Context, in *mutator.Input, f mutator.Family, c *clusterv3.Cluster) (*clusterv3.Cluster, engine.Verdict, error) {
	edited := proto.Clone(c).(*clusterv3.Cluster)
	err := f.Clusters.Mutate(ctx, in, edited)
	if err == nil {
		if err = edited.ValidateAll(); err != nil {
			err = fmt.Errorf("the result is invalid: %w", err)
		}
	}
	switch {
	case err != nil:
		refusing := proto.Clone(c).(*clusterv3.Cluster)
		return refusing, engine.Denied, denied(refusing, err)
	case proto.Equal(c, edited):
		return c, engine.Unchanged, nil
	}
	return edited, engine.Applied, nil
}

func denied(c *clusterv3.Cluster, why error) error {
	if err := xds.DenyCluster(c); err != nil {
		return err
	}
	return why
}

// add upserts the clusters of a family.
func (p plain) add(t *testing.T, in *mutator.Input, f mutator.Family, res *engine.Result) {
	t.Helper()
	additions, err := f.Additions.Add(t.Context(), in)
	require.NoError(t, err)
	clusters := &res.Resources[0]
next:
	for _, a := range additions.Clusters {
		o := engine.Outcome{Family: f.Name, Kind: mutator.KindCluster, Name: a.GetName(), Verdict: engine.Added}
		for _, raw := range clusters.Encoded {
			c := &clusterv3.Cluster{}
			require.NoError(t, proto.Unmarshal(raw, c))
			if c.GetName() == a.GetName() {
				require.True(t, proto.Equal(a, c), "golden files have no such cluster")
				o.Verdict = engine.Unchanged
				res.Outcomes = append(res.Outcomes, o)
				continue next
			}
		}
		clusters.Encoded = append(clusters.Encoded, deterministic(t, a))
		res.Outcomes = append(res.Outcomes, o)
	}
}

// withoutMarks clears the routes of virtual hosts that have marks, and encodes those anew.
func withoutMarks(t *testing.T, rc *routev3.RouteConfiguration, raw []byte) []byte {
	t.Helper()
	found := false
	for _, vh := range rc.GetVirtualHosts() {
		found = xds.ClearRouteMarks(vh) || found
	}
	if !found {
		return raw
	}
	return deterministic(t, rc)
}

func deterministic(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	require.NoError(t, err)
	return b
}
