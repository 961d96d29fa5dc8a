package mutatortest

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

var gvk = schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "Thing"}

// on is a feature with a cluster mutator.
func on(do func(in *mutator.Input, c *clusterv3.Cluster)) func() mutator.Feature {
	return func() mutator.Feature {
		return mutator.Feature{
			Name: "f", Hooks: []mutator.Hook{mutator.HookTranslation},
			Policies: []policy.Kind{policy.NewKind[map[string]any](gvk, nil)},
			Clusters: mutator.Func[*clusterv3.Cluster]{
				When: func(in *mutator.Input, _ mutator.View) bool { return in.Objects.Len() > 0 },
				Do:   func(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error { do(in, c); return nil },
			},
		}
	}
}

// call has a cluster and two custom resources.
func call(t *testing.T) *engine.Call {
	t.Helper()
	calls, err := ReadCalls("testdata/call.yaml")
	require.NoError(t, err)
	return calls[0]
}

// failing returns the names of the checks that fail for a feature.
func failing(t *testing.T, newFeature func() mutator.Feature) (out []string) {
	t.Helper()
	c := call(t)
	res, err := answer(t.Context(), newFeature(), c)
	if err != nil {
		return []string{err.Error()}
	}
	for _, check := range checks() {
		if check.run(t.Context(), c, res, newFeature) != nil {
			out = append(out, check.name)
		}
	}
	return out
}

// TestKitRejects has a feature for each check that breaks the contract in the way that the check
// detects.
func TestKitRejects(t *testing.T) {
	var calls atomic.Int64
	bad := map[string]struct {
		feature func() mutator.Feature
		check   string
	}{
		"state": {on(func(_ *mutator.Input, c *clusterv3.Cluster) {
			c.AltStatName = strconv.FormatInt(calls.Add(1), 10)
		}), "same bytes on every run"},
		"order of a map": {on(func(_ *mutator.Input, c *clusterv3.Cluster) {
			c.AltStatName = ""
			for k := range map[string]bool{"a": true, "b": true, "c": true, "d": true, "e": true, "f": true} {
				c.AltStatName += k
			}
		}), "same bytes on every run"},
		"order of the call": {func() mutator.Feature {
			f := on(nil)()
			seen := &journal{}
			f.Policies = []policy.Kind{policy.NewKind(gvk, seen.note)}
			f.Clusters = mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
				c.AltStatName = seen.take()
				return nil
			}}
			return f
		}, "order of custom resources"},
		"reads an annotation": {func() mutator.Feature {
			f := on(func(in *mutator.Input, c *clusterv3.Cluster) {
				for _, o := range in.Objects.Of(gvk) {
					c.AltStatName = policy.As[thing](o).Metadata.Annotations["example.com/annotation"]
				}
			})()
			f.Policies = []policy.Kind{policy.NewKind[thing](gvk, nil)}
			return f
		}, "custom resources as they are served"},
		"not idempotent": {on(func(_ *mutator.Input, c *clusterv3.Cluster) { c.AltStatName += "x" }), "idempotent"},
		"not asked for": {func() mutator.Feature {
			f := on(nil)()
			f.Clusters = mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
				c.AltStatName = "x"
				return nil
			}}
			return f
		}, "nothing without policies"},
		"key that leaves out the policy": {func() mutator.Feature {
			f := on(nil)()
			f.Clusters = keyed{func(in *mutator.Input, _ mutator.View) bool { return in.Objects.Len() > 0 }, func(in *mutator.Input, c *clusterv3.Cluster) { c.AltStatName = in.Objects.Of(gvk)[0].Name }}
			return f
		}, "same from memory"},
		"addition that is not included": {func() mutator.Feature {
			f := on(func(*mutator.Input, *clusterv3.Cluster) {})()
			f.Additions = secrets{}
			return f
		}, "reaches Envoy"},
	}
	for name, b := range bad {
		t.Run(name, func(t *testing.T) { require.Contains(t, failing(t, b.feature), b.check) })
	}
}

// TestKitRejectsPanics: the engine recovers a panic in any function of a feature, and the kit
// reports it with the stack.
func TestKitRejectsPanics(t *testing.T) {
	panics := map[string]struct {
		feature func() mutator.Feature
		want    string
	}{
		"mutator": {on(func(*mutator.Input, *clusterv3.Cluster) { panic("no") }), `Cluster "c": panic: no`},
		"validation": {func() mutator.Feature {
			f := on(func(*mutator.Input, *clusterv3.Cluster) {})()
			f.Policies = []policy.Kind{policy.NewKind(gvk, func(*thing) field.ErrorList { panic("no") })}
			return f
		}, "cannot be read: panic: no"},
		"reporter": {func() mutator.Feature {
			f := on(func(*mutator.Input, *clusterv3.Cluster) {})()
			f.Reporter = panicking{}
			return f
		}, "report of feature f: panic: no"},
	}
	for name, p := range panics {
		t.Run(name, func(t *testing.T) {
			_, err := answer(t.Context(), p.feature(), call(t))
			require.ErrorContains(t, err, p.want)
			require.ErrorContains(t, err, "kit_test.go", "the stack")
		})
	}
}

// panicking is a reporter that panics.
type panicking struct{}

func (panicking) Report(*mutator.Input) []mutator.PolicyOutcome { panic("no") }

// keyed claims that its results depend only on the resource.
type keyed struct {
	applies func(*mutator.Input, mutator.View) bool
	do      func(*mutator.Input, *clusterv3.Cluster)
}

func (k keyed) Plan(in *mutator.Input, v mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	if !k.applies(in, v) {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{CacheKey: new(""), Edit: func(_ context.Context, c *clusterv3.Cluster) error {
		k.do(in, c)
		return nil
	}}
}

// thing is the part of a custom resource that the tests read.
type thing struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
}

// journal records the order in which objects are read.
type journal struct {
	mu   sync.Mutex
	text string
}

func (j *journal) note(o *thing) field.ErrorList {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.text += o.Metadata.Name
	return nil
}

func (j *journal) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text
	j.text = ""
	return text
}

func TestKitAccepts(t *testing.T) {
	require.Empty(t, failing(t, on(func(_ *mutator.Input, c *clusterv3.Cluster) {
		c.Metadata = &corev3.Metadata{FilterMetadata: map[string]*structpb.Struct{"a": {}, "b": {}, "c": {}}}
	})))
}

// TestValidRejects and the next two tests check results that the engine would not return.
func TestValidRejects(t *testing.T) {
	res := &engine.Response{Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{{}}}}}
	require.ErrorContains(t, valid(t.Context(), nil, res, nil), "Cluster: invalid Cluster.Name")
}

func TestUnwantedUntouchedRejects(t *testing.T) {
	c := call(t)
	other := clone(c)
	other.Resources[0].Encoded[0] = append(other.Resources[0].Encoded[0], 0x10, 0x01)
	err := unwantedUntouched(t.Context(), c, &engine.Response{Resources: other.Resources}, nil)
	require.EqualError(t, err, `Cluster "c" has no outcome but was changed`)
}

func TestInputUntouchedRejects(t *testing.T) {
	c := call(t)
	scribble := on(func(*mutator.Input, *clusterv3.Cluster) { c.Objects[0][0] ^= 1 })
	require.EqualError(t, inputUntouched(t.Context(), c, nil, scribble), "the custom resources were changed")
}

func TestFilesThatAreWrong(t *testing.T) {
	for file, want := range map[string]string{
		"missing.yaml":  "no such file or directory",
		"hook.yaml":     `hook: there is no hook "Rout"; the hooks are [VirtualHost Route`,
		"kind.yaml":     `resources: there is no kind "Clutser"; the kinds are [Route VirtualHost Cluster`,
		"resource.yaml": `testdata/wrong/resource.yaml: resources.Cluster[0]: proto:`,
		"field.yaml":    `unknown field "hooks"`,
		"beside.yaml":   "calls: the file also has fields of a call: move them into a call of the list",
		"empty.yaml":    "calls: is empty",
		"call.yaml":     "testdata/wrong/call.yaml: calls[1].resources.Cluster[0]: proto:",
	} {
		_, err := ReadCalls("testdata/wrong/" + file)
		require.ErrorContains(t, err, want, file)
	}
}
