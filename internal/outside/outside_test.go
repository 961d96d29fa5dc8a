package outside_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/cluster"
	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/internal/explain"
	"github.com/egraft/egraft/internal/known"
	"github.com/egraft/egraft/internal/outside"
	"github.com/egraft/egraft/pkg/mutator"
)

// world is surroundings invented by a test.
type world struct {
	known  map[string]*known.Facts // by policy
	envoys map[string][]envoyadmin.Envoy
	err    error
}

func (w *world) Known(_ context.Context, policies []*explain.Policy) (out []*known.Facts) {
	for _, p := range policies {
		out = append(out, w.known[p.Name])
	}
	return out
}

func (w *world) Envoys(_ context.Context, gateway string) ([]envoyadmin.Envoy, error) {
	return w.envoys[gateway], w.err
}

// clusters is an Envoy with clusters of these names that counts reads of its config dump.
type clusters struct {
	names []string
	read  *atomic.Int64
}

func (c clusters) RoundTrip(r *http.Request) (*http.Response, error) {
	body := map[string]string{"/server_info": `{"state": "LIVE", "version": "a/1.39.1/Clean"}`, "/stats": "control_plane.connected_state: 1"}[r.URL.Path]
	if r.URL.Query().Get("resource") == "dynamic_active_clusters" {
		c.read.Add(1)
		var entries []string
		for _, n := range c.names {
			entries = append(entries, fmt.Sprintf(`{"cluster": {"@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster", "name": %q}}`, n))
		}
		body = `{"configs": [` + strings.Join(entries, ",") + `]}`
	}
	status := http.StatusOK
	if body == "" {
		status = http.StatusNotFound
	}
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// policy returns a policy without problems in egraft's stages, with a cluster for each Gateway.
func policy(name, cluster string, gateways ...string) *explain.Policy {
	p := &explain.Policy{Group: "egraft.io", Kind: "BufferPolicy", Namespace: "shop", Name: name, Stages: []explain.Stage{
		explain.NewStage(explain.StageKnown, explain.Unknown, "not examined"), explain.NewStage(explain.StageSent, explain.OK, "in 1 of 1 calls"),
		explain.NewStage(explain.StageApplied, explain.OK, ""), explain.NewStage(explain.StageActive, explain.Unknown, "not examined"),
	}}
	p.Set(p.Stages[0])
	if cluster != "" {
		encoded, _ := proto.Marshal(&clusterv3.Cluster{Name: cluster}) // marshalling cannot fail
		p.Wanted = []explain.Wanted{{Gateways: gateways, Kind: mutator.KindCluster, Name: cluster, Encoded: encoded}}
	}
	return p
}

// stage returns a stage as one line.
func stage(p *explain.Policy, number int) string {
	s := p.Stages[number-1]
	out := string(s.State) + " " + s.Summary
	for _, f := range s.Findings {
		out += " | " + f.Code
	}
	return out + " " + strings.Join(s.Details, "; ")
}

func TestComplete(t *testing.T) {
	read := &atomic.Int64{}
	envoy := func(name string, names ...string) envoyadmin.Envoy {
		return envoyadmin.Envoy{Name: name, Transport: clusters{names, read}}
	}
	w := &world{
		known: map[string]*known.Facts{
			"both":   {Namespace: "shop", Name: "both", Exists: known.There},
			"absent": {Namespace: "shop", Name: "absent", Exists: known.Absent},
		},
		envoys: map[string][]envoyadmin.Envoy{"shop/eg": {envoy("b", "one"), envoy("a", "one", "two")}, "shop/other": {envoy("a", "one", "two"), envoy("c")}},
	}
	both, one, two, absent := policy("both", "one", "shop/eg"), policy("one", "two", "shop/eg"), policy("two", "one", "shop/eg", "shop/other"), policy("absent", "one", "shop/eg")
	nothing, nowhere := policy("nothing", ""), policy("nowhere", "one", "shop/none")
	outside.Complete(t.Context(), w, &explain.Report{Policies: []*explain.Policy{both, one, two, absent, nothing, nowhere}})

	require.Equal(t, "ok exists ", stage(both, explain.StageKnown))
	require.Equal(t, "ok 2 of 2 Envoys have what egraft returned Envoy a (1.39.1): 1 active; Envoy b (1.39.1): 1 active", stage(both, explain.StageActive))
	require.Equal(t, "unknown not examined ", stage(one, explain.StageKnown))
	require.Equal(t, "failed 1 of 2 Envoys have what egraft returned | EGR403 Envoy a (1.39.1): 1 active; Envoy b (1.39.1): 1 missing", stage(one, explain.StageActive))
	require.False(t, one.InEffect)
	require.Equal(t, "failed 2 of 3 Envoys have what egraft returned | EGR403 Envoy a (1.39.1): 1 active; Envoy b (1.39.1): 1 active; Envoy c (1.39.1): 1 missing", stage(two, explain.StageActive))
	require.Equal(t, explain.StageKnown, absent.StoppedAt)
	for _, p := range []*explain.Policy{absent, nothing, nowhere} {
		require.Equal(t, "unknown not examined ", stage(p, explain.StageActive), p.Name)
	}
	require.EqualValues(t, 3, read.Load(), "each Envoy is read once")
}

func TestNoEnvoys(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("find Envoys: %w\x1b", cluster.ErrNoPods), `failed find Envoys: no pods\x1b | EGR401 `},
		{errors.New("forbidden"), "unknown not examined: forbidden "},
	} {
		p := policy("a", "one", "shop/eg")
		outside.Complete(t.Context(), &world{err: test.err}, &explain.Report{Policies: []*explain.Policy{p}})
		require.Equal(t, test.want, stage(p, explain.StageActive))
	}
}

func TestReplicas(t *testing.T) {
	at := func(second int) *time.Time { x := time.Unix(int64(second), 0); return &x }
	report := func(calls int, last *time.Time, p *explain.Policy) *explain.Report {
		return &explain.Report{Calls: explain.Calls{Count: calls, Last: last}, Policies: []*explain.Policy{p}}
	}
	stopped := policy("a", "")
	stopped.Set(explain.NewStage(explain.StageApplied, explain.Failed, "it lost"))
	main := report(2, at(5), policy("a", ""))
	got, err := outside.Replicas{"x": report(0, nil, stopped), "y": report(2, at(4), stopped), "z": main}.Merge()
	require.NoError(t, err)
	require.Same(t, main, got)
	require.Equal(t, "ok  another replica of egraft, y, has it stopped: it lost", stage(got.Policies[0], explain.StageApplied))
	_, err = outside.Replicas{}.Merge()
	require.Error(t, err)
}
