package duration

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"k8s.io/apimachinery/pkg/util/validation/field"
	gwapiv1 "sigs.k8s.io/gateway-api/apis/v1"
)

func TestParse(t *testing.T) {
	for d, want := range map[gwapiv1.Duration]time.Duration{
		"1s": time.Second, "1m30s": 90 * time.Second, "0h1s": time.Second, "500ms": 500 * time.Millisecond,
		"99999h99999h99999h99999h": 4 * 99999 * time.Hour, "0s": 0,
	} {
		got, err := Parse(d)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, d := range []gwapiv1.Duration{"", "1", "1.5s", "-1s", "1us", "100000s", "1s1s1s1s1s", "1s ", "1S"} {
		require.False(t, Matches(d))
		_, err := Parse(d)
		require.EqualError(t, err, `duration "`+string(d)+`" must match `+Pattern)
	}
}

func TestBetween(t *testing.T) {
	at := field.NewPath("spec", "timeout")
	for _, d := range []gwapiv1.Duration{"100ms", "60s", "1m", "0h1s"} {
		require.Empty(t, Between(at, d, "100ms", "60s"))
	}
	for _, d := range []gwapiv1.Duration{"99ms", "60s1ms", "1.5s", ""} {
		require.EqualError(t, Between(at, d, "100ms", "60s").ToAggregate(),
			`spec.timeout: Invalid value: "`+string(d)+`": must be a duration between 100ms and 60s`)
	}
}

// TestPatternIsThatOfTheCRDs compares Pattern with the CRDs, which take it from Gateway API's
// types.
func TestPatternIsThatOfTheCRDs(t *testing.T) {
	for _, file := range []string{"backendmtlspolicies", "frontendmtlspolicies", "hedgefilters", "originaldestinationbackends"} {
		crd, err := os.ReadFile("../../crds/egraft.io_" + file + ".yaml")
		require.NoError(t, err)
		require.Positive(t, strings.Count(string(crd), "pattern: "+Pattern+"\n"), file)
	}
}
