package engine_test

import (
	"context"
	"errors"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/xds"
)

// adder is a function as an adder.
type adder func() (mutator.Additions, error)

func (a adder) Add(context.Context, *mutator.Input) (mutator.Additions, error) { return a() }

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

func translate(t *testing.T, add adder, lists ...engine.Resources) (*engine.Response, error) {
	t.Helper()
	e, err := engine.New([]mutator.Feature{{Name: "adder", Hooks: []mutator.Hook{mutator.HookTranslation}, Additions: add}})
	require.NoError(t, err)
	return runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: lists})
}

func TestAdditions(t *testing.T) {
	added := &clusterv3.Cluster{Name: "added"}
	add := func() (mutator.Additions, error) {
		return mutator.Additions{Clusters: []*clusterv3.Cluster{added}}, nil
	}
	other := encode(t, &clusterv3.Cluster{Name: "other"})
	another := encode(t, &clusterv3.Cluster{Name: "added", RespectDnsTtl: true})
	for name, c := range map[string]struct {
		add     adder
		there   [][]byte
		want    [][]byte
		verdict engine.Result
		err     string
	}{
		"missing":         {add, [][]byte{other}, [][]byte{other, encode(t, added)}, engine.Added, ""},
		"there already":   {add, [][]byte{encode(t, added), other}, [][]byte{encode(t, added), other}, engine.Unchanged, ""},
		"somebody else's": {add, [][]byte{another}, [][]byte{another}, engine.NameConflict, `Cluster "added" already exists with different content and is unmodified`},
		"invalid": {func() (mutator.Additions, error) {
			return mutator.Additions{Clusters: []*clusterv3.Cluster{{}}}, nil
		}, [][]byte{other}, [][]byte{other}, engine.Ignored, "the addition is invalid: invalid Cluster.Name: value length must be at least 1 runes"},
		"error":  {func() (mutator.Additions, error) { return mutator.Additions{}, errors.New("no") }, [][]byte{other}, [][]byte{other}, engine.Ignored, "no"},
		"panics": {func() (mutator.Additions, error) { panic("no") }, [][]byte{other}, [][]byte{other}, engine.Ignored, "panic: no"},
	} {
		t.Run(name, func(t *testing.T) {
			res, err := translate(t, c.add, engine.Resources{Kind: mutator.KindCluster, Encoded: c.there})
			require.NoError(t, err)
			require.Equal(t, c.want, res.Resources[0].Encoded)
			require.Equal(t, c.verdict, res.Outcomes[0].Result)
			if c.err != "" {
				require.EqualError(t, res.Outcomes[0].Err, c.err)
			}
		})
	}
}

// TestAdditionsBesideOthers adds to a list with mutators for some of its resources: the names of
// the others are not known yet.
func TestAdditionsBesideOthers(t *testing.T) {
	for _, there := range []string{"wanted", "other"} {
		f := mutator.Feature{
			Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation},
			Clusters: mutator.Func[*clusterv3.Cluster]{
				When: func(_ *mutator.Input, c mutator.View) bool { return c.Name() == "wanted" },
				Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
					c.AltStatName = "edited"
					return nil
				},
			},
			Additions: adder(func() (mutator.Additions, error) {
				return mutator.Additions{Clusters: []*clusterv3.Cluster{{Name: there}, {Name: "added"}, {Name: "added"}}}, nil
			}),
		}
		e, err := engine.New([]mutator.Feature{f})
		require.NoError(t, err)
		res, err := runAndExplain(t, e, &engine.Call{Hook: mutator.HookTranslation, Resources: []engine.Resources{{
			Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, &clusterv3.Cluster{Name: "other", RespectDnsTtl: true}), encode(t, &clusterv3.Cluster{Name: "wanted", RespectDnsTtl: true})},
		}}})
		require.NoError(t, err)
		require.Len(t, res.Resources[0].Encoded, 3)
		var verdicts []engine.Result
		for _, o := range res.Outcomes {
			verdicts = append(verdicts, o.Result)
		}
		require.Equal(t, []engine.Result{engine.Applied, engine.NameConflict, engine.Added, engine.Unchanged}, verdicts)
	}
}

// TestMarksAreRemoved has one configuration with route metadata and one that only contains the key.
func TestMarksAreRemoved(t *testing.T) {
	config := func(route *routev3.Route) *routev3.RouteConfiguration {
		return &routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{{Name: "v", Domains: []string{"*"}, Routes: []*routev3.Route{route}}}}
	}
	marked := &routev3.Route{Name: "r", Metadata: xds.SetMetadataEntry(nil, xds.MetadataEntry{Key: "k", Value: "v"})}
	mentions := encode(t, config(&routev3.Route{Name: "egraft.io"}))
	res, err := translate(t, func() (mutator.Additions, error) { return mutator.Additions{}, nil },
		engine.Resources{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, config(marked)), mentions}})
	require.NoError(t, err)
	require.Equal(t, [][]byte{encode(t, config(&routev3.Route{Name: "r"})), mentions}, res.Resources[0].Encoded)
}

func TestSubject(t *testing.T) {
	idle := clusterFeature("idle", mutator.Deny, func(context.Context, *clusterv3.Cluster) error { return nil })
	_, res, err := run(t.Context(), t, []mutator.Feature{idle}, "one")
	require.NoError(t, err)
	require.Equal(t, "one", res.Subject())

	md := func(name string) *corev3.Metadata {
		s, err := structpb.NewStruct(map[string]any{"resources": []any{map[string]any{"kind": "Gateway", "namespace": "ns", "name": name, "sectionName": "http"}}})
		require.NoError(t, err)
		return &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{xds.GatewayMetadataNamespace: s}}
	}
	rc := &routev3.RouteConfiguration{VirtualHosts: []*routev3.VirtualHost{{Metadata: md("a")}, {Metadata: md("b")}, {Metadata: md("a")}}}
	res, err = translate(t, func() (mutator.Additions, error) { return mutator.Additions{}, nil },
		engine.Resources{Kind: mutator.KindRouteConfiguration, Encoded: [][]byte{encode(t, rc)}})
	require.NoError(t, err)
	require.Equal(t, "ns/a,ns/b", res.Subject())
}
