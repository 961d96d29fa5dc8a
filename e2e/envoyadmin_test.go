//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/e2e/ads"
	"github.com/egraft/egraft/e2e/process"
	"github.com/egraft/egraft/internal/envoyadmin"
	"github.com/egraft/egraft/pkg/mutator"
)

// examined compares resources with the Envoy of a lab.
type examined struct{ *secureLab }

// until compares resources with Envoy's until the reported problems are as wanted.
func (l examined) until(wanted string, resources ...proto.Message) {
	l.t.Helper()
	var in []envoyadmin.Resource
	for _, m := range resources {
		in = append(in, resource(l.t, m))
	}
	envoy := envoyadmin.Envoy{Name: "lab", Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:19000")
	}}}
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(l.t, process.Poll(ctx, "Envoy to have what it should", func(ctx context.Context) error {
		report := envoyadmin.Compare(ctx, envoy, in)
		var got []string
		for _, p := range envoyadmin.Judge([]*envoyadmin.Report{report}).Problems {
			got = append(got, p.Code.Name+" "+p.Message)
		}
		if text := strings.Join(got, "\n"); !strings.Contains(text, wanted) || wanted == "" && text != "" {
			return fmt.Errorf("%q in place of %q", text, wanted)
		}
		return nil
	}))
}

// resource returns a message as egraft would return it.
func resource(t *testing.T, m proto.Message) envoyadmin.Resource {
	t.Helper()
	encoded, err := proto.Marshal(m)
	require.NoError(t, err)
	return envoyadmin.Resource{
		Kind: mutator.Kind(m.ProtoReflect().Descriptor().Name()), Name: m.(interface{ GetName() string }).GetName(), Encoded: encoded,
	}
}

// TestEnvoyIsExamined: reports on resources that the real Envoy has, rejects, warms and drains.
func TestEnvoyIsExamined(t *testing.T) {
	needs(t, here)
	l := examined{newSecureLab(t)}
	listener, err := ads.Listener()
	require.NoError(t, err)
	cluster, routes := l.secure(ads.StaticCluster("x", "1", l.backend)), ads.Routes("x")
	l.bootWith(cluster, routes, listener)
	l.until("", cluster, routes, listener)

	missing := ads.StaticCluster("other", "1", l.backend)
	l.until("NotInEnvoy Envoy lab does not have cluster other", missing)
	newer := ads.StaticCluster("x", "2", l.backend)
	l.until("Differs Envoy lab uses another version of cluster x: transport_socket", newer)

	bad := l.secure(ads.StaticCluster("x", "2", l.backend), rejectedByEnvoy)
	require.NoError(t, l.Set(bad))
	l.until("Rejected Envoy lab rejected an update, and does not use cluster x as egraft returned it (1 rejected updates of clusters since it started", bad)

	warming := ads.Cluster("warm", "1", time.Hour)
	require.NoError(t, l.Set(warming))
	l.until("StillWarming Envoy lab has cluster warm and does not use it yet", warming)

	wrong := proto.Clone(listener).(*listenerv3.Listener)
	wrong.GetAddress().GetSocketAddress().Address = "nonsense"
	require.NoError(t, l.Set(wrong))
	l.until("Rejected Envoy lab rejected an update, and does not use listener "+listener.GetName()+" as egraft returned it: ", wrong)
}
