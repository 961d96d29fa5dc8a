package catalog_test

import (
	"strings"
	"testing"

	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/mutator"
)

// drop removes the secrets to which a listener referred before its edit, and to which nothing refers
// after it. Golden files that lack a kind of resource are not calls that include all kinds, so it
// leaves them unmodified.
func (p plain) drop(t *testing.T, call *engine.Call, res *engine.Response) {
	t.Helper()
	text := func(lists []engine.Resources, kinds ...mutator.Kind) (all []string) {
		for _, kind := range kinds {
			for _, list := range lists {
				for _, raw := range list.Encoded {
					if list.Kind == kind {
						all = append(all, string(raw))
					}
				}
			}
		}
		return all
	}
	rest := []mutator.Kind{mutator.KindCluster, mutator.KindListener, mutator.KindRouteConfiguration}
	for _, kind := range rest {
		if len(text(call.Resources, kind)) == 0 {
			return
		}
	}
	before := text(call.Resources, mutator.KindListener)
	for i, now := range text(res.Resources, mutator.KindListener) {
		if before[i] == now {
			before[i] = ""
		}
	}
	was, is := strings.Join(before, "\n"), strings.Join(text(res.Resources, rest...), "\n")
	var left [][]byte
	for _, raw := range res.Resources[1].Encoded {
		s := &tlsv3.Secret{}
		require.NoError(t, proto.Unmarshal(raw, s))
		if s.GetName() != "system_ca_certificates" && strings.Contains(was, s.GetName()) && !strings.Contains(is, s.GetName()) {
			res.Outcomes = append(res.Outcomes, &engine.Outcome{Feature: "frontend-mtls", Kind: mutator.KindSecret, Name: s.GetName(), Result: engine.Pruned})
			continue
		}
		left = append(left, raw)
	}
	res.Resources[1].Encoded = left
}
