package crds

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"

	"github.com/egraft/egraft/internal/quantity"
)

func bufferPolicies(t *testing.T) *apiextensions.CustomResourceDefinition {
	t.Helper()
	crd := definitions(t)["egraft.io_bufferpolicies.yaml"]
	require.NotNil(t, crd)
	return crd
}

// holding returns a policy with a limit, which is JSON.
func holding(t *testing.T, limit string) map[string]any {
	t.Helper()
	return parse(t, fmt.Appendf(nil, `{"apiVersion": "egraft.io/v1alpha1", "kind": "BufferPolicy", "metadata": {"name": "p", "namespace": "shop"},
"spec": {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"}], "maxRequestBytes": %s}}`, limit))
}

func TestQuantitiesHaveOnePattern(t *testing.T) {
	field := schemaOf(bufferPolicies(t)).Properties["spec"].Properties["maxRequestBytes"]
	require.Equal(t, quantity.Pattern, field.Pattern)
	require.EqualValues(t, quantity.MaxLength, *field.MaxLength)
}

// TestQuantitiesAreTheSameWithoutAPIServer: the CRD and egraft accept the same limits, whatever
// their form, and neither takes long.
func TestQuantitiesAreTheSameWithoutAPIServer(t *testing.T) {
	server := newServer(t, schemaOf(bufferPolicies(t)))
	signs := []string{"", "", "", "+", "-"}
	wholes := []string{"", "0", "1", "15", "1536", "00064", "4294967295", "4294967296", "99999999999999999999", "128974848000"}
	points := []string{"", "", "", ".", ".0", ".5", ".0625", ".000000001", ".0000000000001"}
	suffixes := []string{"", "", "n", "u", "m", "k", "K", "M", "G", "E", "Ki", "Mi", "Gi", "Ei", "e3", "E3", "e-3", "e+9", "e-9", "e99", "e-99", "e100", "e-60000000", "E+000", "mi", "B"}
	pick := func(r *rand.Rand, from []string) string { return from[r.IntN(len(from))] }
	taken, start := 0, time.Now()
	for i := range 3000 {
		r := rand.New(rand.NewPCG(uint64(i), 0)) //nolint:gosec // reproducible
		text := pick(r, signs) + pick(r, wholes) + pick(r, points) + pick(r, suffixes)
		limit, err := json.Marshal(text)
		require.NoError(t, err)
		object := holding(t, string(limit))
		said, own := server.errors(t, object), read(t, object).Err
		require.Equal(t, len(said) == 0, own == nil, "%q: the API server says %q, egraft says %v", text, said, own)
		if own == nil {
			taken++
		}
	}
	require.Greater(t, taken, 300, "accepted limits")
	require.Less(t, time.Since(start), time.Minute)
}

// TestNumbersAreTheSameWithoutAPIServer: the same for JSON's numbers.
func TestNumbersAreTheSameWithoutAPIServer(t *testing.T) {
	server := newServer(t, schemaOf(bufferPolicies(t)))
	for _, number := range strings.Fields("0 1 -1 64 4294967295 4294967296 9223372036854775807 1.0 1.5 1536.0 1536.5 1e3 1.5e3 1e-3 1e30 -1e3") {
		object := holding(t, number)
		said, own := server.errors(t, object), read(t, object).Err
		require.Equal(t, len(said) == 0, own == nil, "%s: the API server says %q, egraft says %v", number, said, own)
	}
}
