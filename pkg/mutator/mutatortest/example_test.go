package mutatortest_test

import (
	"context"
	"os"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/durationpb"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// connectTimeoutPolicy is the custom resource of the example in README.md.
type connectTimeoutPolicy struct {
	metav1.TypeMeta `json:",inline"`
	Metadata        metav1.ObjectMeta `json:"metadata"`
	Spec            struct {
		TargetRefs     []map[string]string `json:"targetRefs"`
		ConnectTimeout metav1.Duration     `json:"connectTimeout"`
	} `json:"spec"`
}

// connectTimeout is the feature of the example: the Route hook adds the policy to the route's
// metadata, and the Translation hook, which has the clusters, reads it there.
func connectTimeout() mutator.Feature {
	gvk := schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: "ConnectTimeoutPolicy"}
	kind := policy.NewKind[connectTimeoutPolicy](gvk, nil)
	ofRoute := func(in *mutator.Input, refs []xds.Reference) []policy.Attachment {
		return mutator.Attached(in, gvk, refs)
	}
	ofCluster := func(in *mutator.Input, name string) (timeout time.Duration) {
		origin := in.Routes().ForCluster(name)
		if origin == nil {
			return 0
		}
		for _, mark := range origin.MetadataEntries() {
			for _, c := range mutator.DecodeAttached(in, kind, mark) {
				return policy.As[connectTimeoutPolicy](c.Object).Spec.ConnectTimeout.Duration
			}
		}
		return 0
	}
	return mutator.Feature{
		Name: "connect-timeout", Hooks: []mutator.Hook{mutator.HookRoute, mutator.HookTranslation}, NeedsRoutes: true,
		Policies: []policy.Kind{kind},
		Routes: mutator.Func[*routev3.Route]{
			When: func(in *mutator.Input, r mutator.View) bool { return len(ofRoute(in, r.References())) > 0 },
			Do: func(_ context.Context, in *mutator.Input, r *routev3.Route) error {
				found := ofRoute(in, xds.References(r.GetMetadata()))
				if found[0].Err != nil {
					return found[0].Err
				}
				mark, err := mutator.EncodeAttached(in, gvk, found[0], found[1:])
				r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), mark)
				return err
			},
		},
		Clusters: mutator.Func[*clusterv3.Cluster]{
			When: func(in *mutator.Input, c mutator.View) bool { return ofCluster(in, c.Name()) > 0 },
			Do: func(_ context.Context, in *mutator.Input, c *clusterv3.Cluster) error {
				c.ConnectTimeout = durationpb.New(ofCluster(in, c.GetName()))
				return nil
			},
		},
	}
}

func TestExample(t *testing.T) { mutatortest.Run(t, "testdata/example", connectTimeout) }

func FuzzExample(f *testing.F) { mutatortest.Fuzz(f, "testdata/example", connectTimeout) }

// TestReadme: README.md contains the example verbatim.
func TestReadme(t *testing.T) {
	const file = "testdata/example/route-policy/in.yaml"
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(readme), "```yaml\n"+string(content)+"```\n", "copy %s into README.md", file)
}
