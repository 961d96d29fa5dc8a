package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

type thing struct{}

var things = policy.NewKind(schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}, func(*thing) field.ErrorList { return nil })

func thingNamed(name string) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"n","name":%q}}`, name)
}

// programs reports that every policy is in effect.
type programs struct{}

func (programs) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	for _, o := range in.Objects.Of(things.GroupVersionKind) {
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Programmed})
	}
	return out
}

// unkeyed is a mutator without a cache key.
type unkeyed struct{ a asking }

func (u unkeyed) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	p := u.a.Plan(in, c)
	if p != nil {
		p.CacheKey = nil
	}
	return p
}

// singles is an engine with a mutator of clusters in the Cluster hook.
type singles struct {
	*testing.T
	*Engine
	asked, ran *atomic.Int64
}

func newSingles(t *testing.T, isKeyed bool, cacheSize int64) singles {
	s := singles{T: t, asked: &atomic.Int64{}, ran: &atomic.Int64{}}
	a := asking{s.asked, s.ran, func(in *mutator.Input) string {
		key := in.Hostnames
		for _, o := range in.Objects.Of(things.GroupVersionKind) {
			key = append(slices.Clone(key), o.Name)
		}
		return fmt.Sprint(key)
	}}
	f := mutator.Feature{
		Name: "f", Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookTranslation}, FailurePolicy: mutator.Ignore,
		Policies: []policy.Kind{things}, Clusters: a, Reporter: programs{},
	}
	if !isKeyed {
		f.Clusters = unkeyed{a}
	}
	var err error
	s.Engine, err = New([]mutator.Feature{f}, WithCache(cacheSize))
	require.NoError(t, err)
	return s
}

func (s singles) call(encoded []byte, objects ...[]byte) *Call {
	return &Call{Hook: mutator.HookCluster, Objects: objects, Resources: []Resources{{mutator.KindCluster, [][]byte{encoded}}}}
}

// send returns the response to a call, and how often it called Plan and ran the mutator.
func (s singles) send(call *Call) (res *Response, asked, ran int64) {
	s.Helper()
	asked, ran = s.asked.Load(), s.ran.Load()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	res, err := s.Engine.Run(ctx, call)
	require.NoError(s, err)
	return res, s.asked.Load() - asked, s.ran.Load() - ran
}

// TestSingleResourceIsCached repeats a call, and sends others that differ in one part.
func TestSingleResourceIsCached(t *testing.T) {
	x, y := thingNamed("x"), thingNamed("y")
	cluster := func(name string) *clusterv3.Cluster {
		return &clusterv3.Cluster{Name: name, Metadata: named(t, "route")}
	}
	encoded := deterministic(t, cluster("c"))
	marked := bytes.Replace(x, []byte(`"name"`), []byte(`"resourceVersion":"2","name"`), 1)
	for name, c := range map[string]struct {
		change func(*Call)
		ran    int64
	}{
		"another resource": {func(c *Call) { c.Resources[0].Encoded = [][]byte{deterministic(t, cluster("d"))} }, 1},
		"another policy":   {func(c *Call) { c.Objects = [][]byte{y} }, 1},
		"one more":         {func(c *Call) { c.Objects = [][]byte{x, y} }, 1},
		"a host name":      {func(c *Call) { c.Hostnames = []string{"x"} }, 1},
		"no policy":        {func(c *Call) { c.Objects = nil }, 1},
		"another revision": {func(c *Call) { c.Objects = [][]byte{marked} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSingles(t, true, 1<<20)
			first, asked, ran := s.send(s.call(encoded, x))
			require.Equal(t, []int64{1, 1}, []int64{asked, ran})
			for _, order := range orders(t, cluster("c")) {
				again, asked, ran := s.send(s.call(order, x))
				require.Equal(t, []int64{0, 0}, []int64{asked, ran})
				require.Equal(t, first.Resources, again.Resources)
				require.Equal(t, first.Outcomes, again.Outcomes)
				require.Equal(t, first.Policies, again.Policies)
				require.Len(t, again.Policies, 1)
				require.Equal(t, "c", again.Subject())
			}
			stats := s.CacheStats()
			require.EqualValues(t, 1, stats.Misses)
			require.Positive(t, stats.Hits)

			other := s.call(encoded, x)
			c.change(other)
			_, asked, ran = s.send(other)
			require.Equal(t, []int64{1, c.ran}, []int64{asked, ran})
		})
	}
}

// TestSingleResourceIsAskedFor has all calls that are not cached.
func TestSingleResourceIsAskedFor(t *testing.T) {
	x := thingNamed("x")
	for name, c := range map[string]struct {
		isKeyed   bool
		cacheSize int64
		cluster   string
		objects   [][]byte
		again     int64 // runs in the next call
	}{
		"no key":       {false, 1 << 20, "c", [][]byte{x}, 1},
		"no cache":     {true, 0, "c", [][]byte{x}, 1},
		"failed":       {true, 1 << 20, "bad", [][]byte{x}, 1},
		"with a fault": {true, 1 << 20, "c", [][]byte{x, []byte("no object")}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSingles(t, c.isKeyed, c.cacheSize)
			for i := range 3 {
				call := s.call(deterministic(t, &clusterv3.Cluster{Name: c.cluster}), c.objects...)
				res, asked, ran := s.send(call)
				if i == 0 {
					require.EqualValues(t, 1, ran)
				} else {
					require.Equal(t, c.again, ran)
				}
				require.EqualValues(t, 1, asked)
				require.Len(t, res.Outcomes, 1)
			}
		})
	}
}

// TestSingleSecretIsNotCached: a Secret may contain a private key.
func TestSingleSecretIsNotCached(t *testing.T) {
	runs := &atomic.Int64{}
	f := mutator.Feature{
		Name: "f", Hooks: []mutator.Hook{mutator.HookCluster, mutator.HookTranslation}, Policies: []policy.Kind{things},
		Clusters: mutator.Func[*clusterv3.Cluster]{},
		Secrets:  counted[*tlsv3.Secret]{runs, same, func(*tlsv3.Secret) error { return nil }},
	}
	e, err := New([]mutator.Feature{f}, WithCache(1<<20))
	require.NoError(t, err)
	secret := deterministic(t, &tlsv3.Secret{Name: "s"})
	for i := range 3 {
		_, err := e.Run(t.Context(), &Call{Hook: mutator.HookCluster, Objects: [][]byte{thingNamed("x")}, Resources: []Resources{{mutator.KindSecret, [][]byte{secret}}}})
		require.NoError(t, err)
		require.EqualValues(t, i+1, runs.Load())
	}
}

// TestUnchangedSingleResource: an unmodified resource is returned byte for byte, not as it was when
// it was cached.
func TestUnchangedSingleResource(t *testing.T) {
	s := newSingles(t, true, 1<<20)
	for i, order := range orders(t, &clusterv3.Cluster{Name: "no", Metadata: named(t, "route")}) {
		call := s.call(bytes.Clone(order), thingNamed("x"))
		res, asked, _ := s.send(call)
		require.Equal(t, i == 0, asked == 1)
		require.Equal(t, [][]byte{order}, res.Resources[0].Encoded)
		clear(call.Resources[0].Encoded[0]) // it belongs to the call
	}
	require.Zero(t, s.CacheStats().Hits, "nobody asked for it")
}

// counts is an adder without additions.
type counts struct{ asked *atomic.Int64 }

func (c counts) Add(context.Context, *mutator.Input) (mutator.Additions, error) {
	c.asked.Add(1)
	return mutator.Additions{}, nil
}

// TestTranslationIsNotSingle: the result for the only resource of a translation is not the whole
// response.
func TestTranslationIsNotSingle(t *testing.T) {
	s, added := newSingles(t, true, 1<<20), &atomic.Int64{}
	s.features[0].Additions = counts{added}
	call := s.call(deterministic(t, &clusterv3.Cluster{Name: "c"}), thingNamed("x"))
	first, _, _ := s.send(call)
	call.Hook = mutator.HookTranslation
	for i := range 3 {
		res, _, _ := s.send(call)
		require.True(t, proto.Equal(decoded(t, first), decoded(t, res)))
		require.EqualValues(t, i+1, added.Load())
	}
	require.True(t, proto.Equal(&clusterv3.Cluster{Name: "c", AltStatName: "[x]"}, decoded(t, first)))
}

func decoded(t *testing.T, res *Response) *clusterv3.Cluster {
	t.Helper()
	c := &clusterv3.Cluster{}
	require.NoError(t, proto.Unmarshal(res.Resources[0].Encoded[0], c))
	return c
}
