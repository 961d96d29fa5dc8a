package replay

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/internal/terminal"
	"github.com/egraft/egraft/pkg/mutator"
)

// server is a function that responds to calls.
type server func(*engine.Call) ([]engine.Resources, error)

// Call implements [Server].
func (s server) Call(_ context.Context, c *engine.Call) ([]engine.Resources, error) { return s(c) }

func echo(c *engine.Call) ([]engine.Resources, error) { return c.Resources, nil }

func encode(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	require.NoError(t, err)
	return b
}

func clusters(t *testing.T, all ...*clusterv3.Cluster) []engine.Resources {
	t.Helper()
	list := engine.Resources{Kind: mutator.KindCluster}
	for _, c := range all {
		list.Encoded = append(list.Encoded, encode(t, c))
	}
	return []engine.Resources{list}
}

func translation(t *testing.T, id, gateway string, names ...string) *recording.Call {
	t.Helper()
	var all []*clusterv3.Cluster
	for _, n := range names {
		all = append(all, &clusterv3.Cluster{Name: n})
	}
	return &recording.Call{Meta: recording.Meta{ID: id, Gateway: gateway}, Call: &engine.Call{Hook: mutator.HookTranslation, Resources: clusters(t, all...)}}
}

func text(r *Report) string {
	var out strings.Builder
	_ = r.WriteText(&out, terminal.Style{})
	report, _, _ := strings.Cut(out.String(), "\nslowest")
	return report
}

func TestRun(t *testing.T) {
	calls := &recording.Recording{Calls: []*recording.Call{translation(t, "1", "default/a", "x", "y"), translation(t, "2", "default/b", "x")}}
	key := func(s string) *corev3.DataSource {
		return &corev3.DataSource{Specifier: &corev3.DataSource_InlineString{InlineString: s}}
	}
	secret := func(s string) []engine.Resources {
		return []engine.Resources{{Kind: mutator.KindSecret, Encoded: [][]byte{encode(t, &tlsv3.Secret{
			Name: "s", Type: &tlsv3.Secret_TlsCertificate{TlsCertificate: &tlsv3.TlsCertificate{PrivateKey: key(s)}},
		})}}}
	}
	always := func(r []engine.Resources) server {
		return func(*engine.Call) ([]engine.Resources, error) { return r, nil }
	}
	n := 0
	for _, test := range []struct {
		name          string
		before, after server
		want          string
	}{
		{"the same", echo, echo, "2 requests: 2 identical, 0 different, 0 not deterministic\n"},
		{
			"changed, added and removed", echo, func(c *engine.Call) ([]engine.Resources, error) {
				if len(c.Resources[0].Encoded) == 1 {
					return c.Resources, nil
				}
				return clusters(t, &clusterv3.Cluster{Name: "x", AltStatName: "z"}, &clusterv3.Cluster{Name: "new\x1b[31m"}), nil
			},
			"2 requests: 1 identical, 1 different, 0 not deterministic\n\ndifferent:\n  Translation default/a (call 1)\n" +
				"    - Cluster y\n    ~ Cluster x\n        + alt_stat_name: \"z\"\n    + Cluster new\\x1b[31m\n",
		},
		{
			"other order", always(clusters(t, &clusterv3.Cluster{Name: "a"}, &clusterv3.Cluster{Name: "b"})), always(clusters(t, &clusterv3.Cluster{Name: "b"}, &clusterv3.Cluster{Name: "a"})),
			"2 requests: 0 identical, 2 different, 0 not deterministic\n\ndifferent:\n  Translation default/a (call 1)\n    ~ Cluster (other order)\n" +
				"  Translation default/b (call 2)\n    ~ Cluster (other order)\n",
		},
		{
			"failed", echo, func(*engine.Call) ([]engine.Resources, error) { return nil, errors.New("bad\n\x1b") },
			"2 requests: 0 identical, 2 different, 0 not deterministic\n\ndifferent:\n  Translation default/a (call 1)\n    before: ok\n    after: bad\\n\\x1b\n" +
				"  Translation default/b (call 2)\n    before: ok\n    after: bad\\n\\x1b\n",
		},
		{
			"not deterministic", func(*engine.Call) ([]engine.Resources, error) {
				n++
				return clusters(t, &clusterv3.Cluster{Name: "x", AltStatName: fmt.Sprint(n % 4)}), nil
			}, always(clusters(t, &clusterv3.Cluster{Name: "x", AltStatName: "1"})),
			"2 requests: 1 identical, 1 different, 2 not deterministic\n\ndifferent:\n  Translation default/b (call 2)\n    ~ Cluster x\n        ~ alt_stat_name: \"3\" -> \"1\"\n" +
				"\nnot deterministic:\n  Translation default/a (call 1), before\n    ~ Cluster x\n        ~ alt_stat_name: \"1\" -> \"2\"\n" +
				"  Translation default/b (call 2), before\n    ~ Cluster x\n        ~ alt_stat_name: \"3\" -> \"0\"\n",
		},
		{
			"secrets", always(secret("SECRET-1")), always(secret("SECRET-2")),
			"2 requests: 0 identical, 2 different, 0 not deterministic\n\ndifferent:\n  Translation default/a (call 1)\n    ~ Secret s\n        ~ tls_certificate.private_key: \"[redacted]\" -> \"[redacted]\"\n" +
				"  Translation default/b (call 2)\n    ~ Secret s\n        ~ tls_certificate.private_key: \"[redacted]\" -> \"[redacted]\"\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Run(t.Context(), test.before, test.after, Same(calls))
			require.NoError(t, err)
			require.Equal(t, test.want, text(r))
			require.Equal(t, test.name == "the same", r.Passed())
			require.Len(t, r.Slowest, 2)
		})
	}
}

func TestManyDifferencesAreCut(t *testing.T) {
	call := translation(t, "1", "default/a")
	var list []*clusterv3.Cluster
	for i := range 25 {
		list = append(list, &clusterv3.Cluster{Name: fmt.Sprint("c", i)})
	}
	r, err := Run(t.Context(), server(echo), server(func(*engine.Call) ([]engine.Resources, error) { return clusters(t, list...), nil }), Same(&recording.Recording{Calls: []*recording.Call{call}}))
	require.NoError(t, err)
	require.Contains(t, text(r), "    + Cluster c19\n    and 5 more resources\n")
}

func TestMatch(t *testing.T) {
	route := func(id, name string) *recording.Call {
		return &recording.Call{Meta: recording.Meta{ID: id, Gateway: "default/a"}, Call: &engine.Call{Hook: mutator.HookRoute, Resources: []engine.Resources{
			{Kind: mutator.KindRoute, Encoded: [][]byte{encode(t, &routev3.Route{Name: name})}},
		}}}
	}
	before := &recording.Recording{Calls: []*recording.Call{translation(t, "1", "default/a"), route("2", "r"), route("3", "gone"), translation(t, "4", "default/a", "x")}}
	after := &recording.Recording{Calls: []*recording.Call{translation(t, "0", "default/a"), route("1", "r"), route("2", "new"), translation(t, "3", "default/a", "x")}}
	pairs, unmatched := Match(before, after)
	var got []string
	for _, p := range pairs {
		got = append(got, p.Before.ID+"-"+p.After.ID)
	}
	require.Equal(t, []string{"2-1", "4-3"}, got)
	require.Equal(t, []Request{
		{ID: "2", Hook: "Route", Gateway: "default/a", Resource: "new", Side: "after"},
		{ID: "3", Hook: "Route", Gateway: "default/a", Resource: "gone", Side: "before"},
	}, unmatched)
	require.Contains(t, text(&Report{Unmatched: unmatched}), "\nwithout a counterpart:\n  Route default/a new (call 2), after\n")
}

func TestStartFails(t *testing.T) {
	_, err := Start(t.Context(), Program{Path: "/bin/false"})
	require.ErrorContains(t, err, "start /bin/false: ended before it served: exit status 1")
	_, err = Start(t.Context(), Program{Path: "/nowhere"})
	require.ErrorContains(t, err, "/nowhere: no such file or directory")
}
