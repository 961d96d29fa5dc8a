package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// agents is a feature whose policies make the cluster with the policy's name refer to an agent,
// which the feature adds. The target of a policy is the agent.
type agents struct {
	add    func(names []string) (mutator.Additions, error)
	policy mutator.FailurePolicy
}

func agentsOf(in *mutator.Input, cluster string) (agent string, of *policy.Object) {
	for _, o := range in.Objects.Of(thingKind) {
		if o.Name == cluster {
			return o.Targets[0].Name, o
		}
	}
	return "", nil
}

func (a agents) Plan(in *mutator.Input, c mutator.View) *mutator.Plan[*clusterv3.Cluster] {
	agent, of := agentsOf(in, c.Name())
	if of == nil {
		return nil
	}
	return &mutator.Plan[*clusterv3.Cluster]{
		Edit:     func(_ context.Context, c *clusterv3.Cluster) error { return use(c, agent) },
		CacheKey: new(of.Digest()),
		Affected: func(*clusterv3.Cluster) []*policy.Object { return []*policy.Object{of} },
	}
}

// use makes a cluster refer to an agent, inside an Any.
func use(c *clusterv3.Cluster, agent string) error {
	cfg, err := anypb.New(&corev3.ApiConfigSource{ApiType: corev3.ApiConfigSource_GRPC, GrpcServices: []*corev3.GrpcService{{
		TargetSpecifier: &corev3.GrpcService_EnvoyGrpc_{EnvoyGrpc: &corev3.GrpcService_EnvoyGrpc{ClusterName: agent}},
	}}})
	c.TransportSocket = &corev3.TransportSocket{Name: "tls", ConfigType: &corev3.TransportSocket_TypedConfig{TypedConfig: cfg}}
	return err
}

func (a agents) Add(_ context.Context, in *mutator.Input) (mutator.Additions, error) {
	var names []string
	for _, o := range in.Objects.Of(thingKind) {
		names = append(names, o.Targets[0].Name)
	}
	return a.add(names)
}

func (a agents) Report(in *mutator.Input) (out []mutator.PolicyOutcome) {
	for _, o := range in.Objects.Of(thingKind) {
		out = append(out, mutator.PolicyOutcome{Policy: o, Reason: mutator.Programmed, Message: "is in effect"})
	}
	return out
}

func (a agents) feature() mutator.Feature {
	return mutator.Feature{
		Name: "agents", Hooks: []mutator.Hook{mutator.HookTranslation}, FailurePolicy: a.policy,
		Policies: []policy.Kind{policy.NewKind[map[string]any](thingKind, nil)}, Clusters: a, Additions: a, Reporter: a,
	}
}

func clustersNamed(names ...string) (m mutator.Additions) {
	for _, n := range names {
		m.Clusters = append(m.Clusters, &clusterv3.Cluster{Name: n})
	}
	return m
}

// agentPolicy returns the policy of a cluster; the year is its age.
func agentPolicy(cluster, agent string, year int) []byte {
	return fmt.Appendf(nil, `{"apiVersion":"example.com/v1","kind":"Thing","metadata":{"namespace":"ns","name":%q,"creationTimestamp":"%d-01-01T00:00:00Z"},"spec":{
		"targetRefs":[{"group":"gateway.networking.k8s.io","kind":"Gateway","name":%q}]}}`, cluster, year, agent)
}

// other returns a feature that edits every cluster, after the others.
func other() mutator.Feature {
	f := mutator.Feature{Name: "other", Hooks: []mutator.Hook{mutator.HookTranslation}}
	edit(&f, func(c *clusterv3.Cluster) { c.AltStatName = "edited" })
	return f
}

// TestAdditionsThatAreNotMade has three policies, and the addition for one of them is not made. Its
// cluster gets the failure policy, and the others are unaffected.
func TestAdditionsThatAreNotMade(t *testing.T) {
	all := func(names []string) (mutator.Additions, error) { return clustersNamed(names...), nil }
	conflict := encode(t, &clusterv3.Cluster{Name: "/run/b", RespectDnsTtl: true})
	over := func(names []string) (mutator.Additions, error) {
		a := clustersNamed("/run/a", "/run/bc")
		for i := range 998 {
			a.Clusters = append(a.Clusters, &clusterv3.Cluster{Name: fmt.Sprintf("filler %d", i)})
		}
		a.Clusters = append(a.Clusters, &clusterv3.Cluster{Name: "/run/b"})
		return a, nil
	}
	tooMany := "1001 resources of kind Cluster exceed the limit of 1000; only resources of the oldest policies are added"
	for name, c := range map[string]struct {
		add    func(names []string) (mutator.Additions, error)
		policy mutator.FailurePolicy
		there  [][]byte
		err    string
		all    bool // whether all are affected
	}{
		"all are":    {add: all},
		"conflict":   {add: all, there: [][]byte{conflict}, err: `refers to "/run/b", which is not added: Cluster "/run/b" already exists with different content and is unmodified`},
		"over limit": {add: over, err: `refers to "/run/b", which is not added: ` + tooMany},
		"ignored":    {add: over, policy: mutator.Ignore, err: `refers to "/run/b", which is not added: ` + tooMany},
		"fails":      {add: over, policy: mutator.Fail, err: `refers to "/run/b", which is not added: ` + tooMany},
		"invalid": {add: func(names []string) (mutator.Additions, error) {
			a := clustersNamed(names...)
			a.Clusters[2].LbPolicy = -1
			return a, nil
		}, err: `refers to "/run/b", which is not added: the addition is invalid: invalid Cluster.LbPolicy: value must be one of the defined enum values`},
		"refers to another": {add: func(names []string) (mutator.Additions, error) {
			a := clustersNamed(append(names, "base")...)
			a.Clusters[3].LbPolicy = -1
			return a, use(a.Clusters[2], "base")
		}, err: `refers to "/run/b", which is not added: the addition refers to "base", which is not added`},
		"no answer": {
			add: func([]string) (mutator.Additions, error) { return mutator.Additions{}, errors.New("no") },
			err: "may refer to resources that the mutator adds to the translation, but adding them failed: no", all: true,
		},
		"panics": {
			add: func([]string) (mutator.Additions, error) { panic("no") },
			err: "may refer to resources that the mutator adds to the translation, but adding them failed: panic: no", all: true,
		},
		"no answer, ignored": {
			add: func([]string) (mutator.Additions, error) { return mutator.Additions{}, errors.New("no") }, policy: mutator.Ignore,
			err: "may refer to resources that the mutator adds to the translation, but adding them failed: no", all: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := engine.New([]mutator.Feature{agents{c.add, c.policy}.feature(), other()}, engine.WithCache(1<<20))
			require.NoError(t, err)
			call := &engine.Call{
				Hook:    mutator.HookTranslation,
				Objects: [][]byte{agentPolicy("b", "/run/b", 2003), agentPolicy("a", "/run/a", 2001), agentPolicy("bc", "/run/bc", 2002)},
				Resources: []engine.Resources{{Kind: mutator.KindSecret, Encoded: [][]byte{encode(t, &tlsv3.Secret{Name: "s"})}}, {Kind: mutator.KindCluster, Encoded: append([][]byte{
					encode(t, eds("a")), encode(t, eds("b")), encode(t, eds("bc")), encode(t, eds("bystander")),
				}, c.there...)}},
			}
			for range 2 { // the second time from the cache
				res, err := runAndExplain(t, e, call)
				if c.policy == mutator.Fail {
					require.EqualError(t, err, `Translation hook: mutator agents on Cluster "b": `+c.err)
					require.Equal(t, engine.CallFailed, res.Outcomes[len(res.Outcomes)-1].Result)
					continue
				}
				require.NoError(t, err)
				byName := map[string]*clusterv3.Cluster{}
				for _, raw := range res.Resources[1].Encoded {
					cl := decoded(t, &clusterv3.Cluster{}, raw).(*clusterv3.Cluster)
					byName[cl.GetName()] = cl
				}
				policies := map[string]mutator.Reason{}
				for _, p := range res.Policies {
					policies[p.Policy.Name] = p.Reason
				}
				for _, name := range []string{"a", "b", "bc"} {
					affected := c.err != "" && (name == "b" || c.all)
					want := eds(name)
					if affected {
						if c.policy == mutator.Ignore {
							want.AltStatName = "edited"
						} else {
							want = denied(t, want)
						}
						require.Equal(t, mutator.ApplyFailed, policies[name], name)
					} else {
						agent := "/run/" + name
						require.NotNil(t, byName[agent], name)
						require.NoError(t, use(want, agent))
						want.AltStatName = "edited"
						require.Equal(t, mutator.Programmed, policies[name], name)
					}
					require.True(t, proto.Equal(want, byName[name]), "%s is %v", name, byName[name])
					requireOutcome(t, res, "agents", name, affected, c.policy, c.err)
				}
				require.Equal(t, "edited", byName["bystander"].GetAltStatName())
			}
		})
	}
}

// denied returns the cluster after DenyCluster.
func denied(t *testing.T, c *clusterv3.Cluster) *clusterv3.Cluster {
	t.Helper()
	require.NoError(t, xds.DenyCluster(c))
	return c
}

// requireOutcome requires one outcome of a feature on a cluster.
func requireOutcome(t *testing.T, res *engine.Response, feature, name string, failed bool, p mutator.FailurePolicy, err string) {
	t.Helper()
	var found []*engine.Outcome
	for _, o := range res.Outcomes {
		if o.Feature == feature && o.Name == name && o.Kind == mutator.KindCluster && !strings.HasPrefix(name, "/") {
			found = append(found, o)
		}
	}
	require.Len(t, found, 1, name)
	switch {
	case !failed:
		require.NoError(t, found[0].Err)
		require.Equal(t, engine.Applied, found[0].Result)
	case p == mutator.Ignore:
		require.EqualError(t, found[0].Err, err)
		require.Equal(t, engine.Ignored, found[0].Result)
	default:
		require.EqualError(t, found[0].Err, err)
		require.Equal(t, engine.Denied, found[0].Result)
	}
}

// TestReferenceOfAnother: a reference that a resource already had when it was received is passed
// on.
func TestReferenceOfAnother(t *testing.T) {
	came := eds("came")
	require.NoError(t, use(came, "/run/b"))
	all := func(names []string) (mutator.Additions, error) { return clustersNamed(names...), nil }
	e, err := engine.New([]mutator.Feature{agents{all, mutator.Deny}.feature(), other()})
	require.NoError(t, err)
	res, err := runAndExplain(t, e, &engine.Call{
		Hook: mutator.HookTranslation, Objects: [][]byte{agentPolicy("b", "/run/b", 2003)},
		Resources: []engine.Resources{{Kind: mutator.KindCluster, Encoded: [][]byte{encode(t, came), encode(t, &clusterv3.Cluster{Name: "/run/b", RespectDnsTtl: true})}}},
	})
	require.NoError(t, err)
	came.AltStatName = "edited"
	require.True(t, proto.Equal(came, decoded(t, came, res.Resources[0].Encoded[0])))
}
