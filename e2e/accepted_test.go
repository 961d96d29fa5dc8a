//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	tlsv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

const (
	// acceptedSeed makes all runs use the same values.
	acceptedSeed = 1
	// acceptedEach is the number of accepted random values of a field, in addition to all known
	// ones, unless EGRAFT_E2E_ACCEPTED sets another.
	acceptedEach = 30
	// acceptedBatch is the number of values that Envoy gets at a time.
	acceptedBatch = 400
	// blameFor limits the search for values that Envoy rejects.
	blameFor = 2 * time.Minute
)

// TestEnvoyTakesWhateverIsAccepted: Envoy accepts the configuration for every value that egraft
// accepts in a field, and the mutual TLS of other tenants is unaffected. EGRAFT_E2E_FIELD selects
// fields by a part of their names, such as tls.caBundle.
func TestEnvoyTakesWhateverIsAccepted(t *testing.T) {
	needs(t, here)
	l := newAcceptedLab(t)
	all := l.accepted(acceptedFields(t), environmentNumber(t, "EGRAFT_E2E_ACCEPTED", acceptedEach))
	begin := time.Now()
	blamed, until := map[string]bool{}, time.Now().Add(blameFor)
	give := []func([]tenant) error{l.give, l.restart}
	for i := 0; len(all) > 0; i++ {
		n := min(len(all), acceptedBatch)
		if err := give[i%2](all[:n]); err != nil {
			t.Errorf("a batch: %.2000s", err)
			l.blame(all[:n], blamed, until)
		}
		all = all[n:]
	}
	t.Logf("Envoy needed %s", time.Since(begin))
}

func environmentNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// accepted returns tenants with values that egraft accepts, of all fields in random order.
func (l *acceptedLab) accepted(fields []acceptedField, each int) []tenant {
	l.t.Helper()
	var kinds []policy.Kind
	for _, f := range catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}) {
		kinds = append(append(append(kinds, f.Policies...), f.Filters...), f.Backends...)
	}
	var out []tenant
	for _, f := range fields {
		if !strings.Contains(f.String(), os.Getenv("EGRAFT_E2E_FIELD")) {
			continue
		}
		found, tried := l.acceptedOf(kinds, f, each)
		l.t.Logf("%s: %d of %d values accepted", f, len(found), tried)
		assert.GreaterOrEqual(l.t, len(found), f.least, "accepted values of %s", f)
		out = append(out, found...)
	}
	l.t.Logf("%d accepted values", len(out))
	rand.New(rand.NewPCG(acceptedSeed, 0)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for i := range out {
		x, err := &out[i], error(nil)
		x.name = fmt.Sprintf("t%05d", i)
		x.object, err = x.field.object(x.name, l.issuer.Socket(), x.value)
		require.NoError(l.t, err)
	}
	return out
}

// acceptedOf tries all known values, and random ones until enough of them are accepted or it has
// tried 30 times as many.
func (l *acceptedLab) acceptedOf(kinds []policy.Kind, f acceptedField, each int) (out []tenant, tried int) {
	l.t.Helper()
	hash := fnv.New64a()
	fmt.Fprint(hash, f, f.base)
	r := rand.New(rand.NewPCG(acceptedSeed, hash.Sum64()))
	seen, random := map[string]bool{}, 0
	try := func(value any) bool {
		tried++
		object, err := f.object("x", l.issuer.Socket(), value)
		if err != nil || seen[string(object)] || !isAccepted(kinds, object) {
			return false
		}
		seen[string(object)] = true
		out = append(out, tenant{field: f, value: value, port: l.backend})
		return true
	}
	for _, value := range f.known {
		try(value)
	}
	for i := 0; f.random != nil && random < each && i < 30*each; i++ {
		if try(f.random(r)) {
			random++
		}
	}
	return out, tried
}

func isAccepted(kinds []policy.Kind, object []byte) bool {
	set, err := policy.NewSet(kinds, [][]byte{object})
	if err != nil {
		return false
	}
	for _, k := range kinds {
		for _, o := range set.Of(k.GroupVersionKind) {
			return o.Err == nil
		}
	}
	return false
}

// blame finds one value of each field that Envoy rejects.
func (l *acceptedLab) blame(tenants []tenant, blamed map[string]bool, until time.Time) {
	l.t.Helper()
	byField := map[string][]tenant{}
	for _, x := range tenants {
		if name := x.field.String(); !blamed[name] {
			byField[name] = append(byField[name], x)
		}
	}
	attempt := func(suspects []tenant) error {
		l.t.Helper()
		require.NoError(l.t, l.restart(nil))
		return errors.Join(l.give(suspects), l.restart(suspects))
	}
	for _, field := range slices.Sorted(maps.Keys(byField)) {
		suspects := byField[field]
		if time.Now().After(until) {
			break
		}
		err := attempt(suspects)
		if err == nil {
			continue
		}
		blamed[field] = true
		for len(suspects) > 1 {
			half := suspects[:len(suspects)/2]
			if e := attempt(half); e != nil {
				suspects, err = half, e
			} else {
				suspects = suspects[len(half):]
			}
		}
		l.t.Errorf("%s: Envoy rejects a value that egraft accepts: %q: %.500s", field, suspects[0].object, err)
	}
	require.NoError(l.t, l.restart(nil))
}

// TestRejectionsAreSeen: the lab of the test above detects rejections.
func TestRejectionsAreSeen(t *testing.T) {
	needs(t, here)
	l := newAcceptedLab(t)
	rejected := func(edit func(*tlsv3.UpstreamTlsContext)) []proto.Message {
		evil, _ := l.bystanders()
		evil.name = "another"
		route, listener := l.bystanders()
		var err error
		evil.object, err = evil.field.object(evil.name, l.issuer.Socket(), "example.org")
		require.NoError(t, err)
		messages, err := translate(t, l.engine, []tenant{route, listener, evil})
		require.NoError(t, err)
		for _, m := range messages {
			if c, ok := m.(*clusterv3.Cluster); ok && strings.Contains(c.GetName(), evil.name) {
				require.NoError(t, xds.EditClusterTLS(c, func(ctx *tlsv3.UpstreamTlsContext) (*tlsv3.UpstreamTlsContext, error) {
					edit(ctx)
					return ctx, nil
				}))
			}
		}
		return messages
	}
	for name, reject := range rejections {
		t.Run(name+" with secrets", func(t *testing.T) {
			require.ErrorContains(t, l.send(rejected(reject)), "Envoy rejects an update")
			require.NoError(t, l.restart(nil))
		})
		t.Run(name+" before secrets", func(t *testing.T) {
			require.ErrorContains(t, l.send(rejected(func(ctx *tlsv3.UpstreamTlsContext) {
				reject(ctx)
				ctx.CommonTlsContext.TlsCertificateSdsSecretConfigs[0].Name = "spiffe://example.org/" + strings.Fields(name)[0]
			})), "sds.spiffe_example.org/"+strings.Fields(name)[0]+".update_rejected is ")
			require.NoError(t, l.restart(nil))
		})
	}
}
