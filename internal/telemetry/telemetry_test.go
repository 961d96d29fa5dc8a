package telemetry_test

import (
	"io"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/egraft/egraft/internal/telemetry"
	"github.com/egraft/egraft/internal/version"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/policy"
)

func newTelemetry() *telemetry.Telemetry {
	return telemetry.New(telemetry.Config{
		Features: []mutator.Feature{
			{Name: "one", Hooks: []mutator.Hook{mutator.HookRoute}, Policies: []policy.Kind{kind("OnePolicy")}},
			{Name: "two", Hooks: []mutator.Hook{mutator.HookTranslation}},
		},
		Results: func(f *mutator.Feature, h mutator.Hook) []string {
			return []string{"applied", "of " + f.Name + " in " + string(h)}
		},
		Writes:          map[string][]string{"event": {"written", "repeated"}, "conditions": {"written", "forbidden"}},
		MaxMessageBytes: 1 << 20,
		CallTimeout:     1500 * time.Millisecond,
		Cache:           func() telemetry.Cache { return telemetry.Cache{Hits: 3, Misses: 2, Bytes: 1000} },
		CacheBytes:      2000,
		Journal:         func() telemetry.Journal { return telemetry.Journal{Bytes: 11, Calls: 12, Dropped: 13} },
		JournalBytes:    3000,
		MutatorTimeout:  500 * time.Millisecond,
		Abandoned:       func() int { return 4 },
		Quarantined:     func() int { return 7 },
		Checks:          func() []telemetry.Check { return []telemetry.Check{{Code: "EGR500", Name: "Ill", Status: 2}} },
		Version:         version.Info{Version: "v1", Commit: "c", Go: "go1", EnvoyGateway: "v2"},
		Modules:         []telemetry.FeatureModule{{Name: "two", Module: version.ModuleVersion{Path: "example.org/two", Version: "v3"}}},
	})
}

func kind(name string) policy.Kind {
	return policy.Kind{GroupVersionKind: schema.GroupVersionKind{Group: "example.com", Version: "v1", Kind: name}}
}

// scrape returns the samples as Prometheus sees them.
func scrape(t *testing.T, tel *telemetry.Telemetry) []string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	body, err := io.ReadAll(w.Result().Body)
	require.NoError(t, err)
	return strings.Split(string(body), "\n")
}

func TestSeriesFromTheStart(t *testing.T) {
	got := scrape(t, newTelemetry())
	for _, h := range mutator.Hooks() {
		hook := string(h)
		require.Subset(t, got, []string{
			`egraft_calls_total{code="OK",hook="` + hook + `"} 0`,
			`egraft_calls_total{code="ResourceExhausted",hook="` + hook + `"} 0`,
			`egraft_call_duration_seconds_count{hook="` + hook + `"} 0`,
			`egraft_request_bytes_count{hook="` + hook + `"} 0`,
			`egraft_response_bytes_count{hook="` + hook + `"} 0`,
			`egraft_last_call_timestamp_seconds{hook="` + hook + `"} 0`,
		})
	}
	for _, result := range []string{"applied", "of one in Route"} {
		require.Contains(t, got, `egraft_mutator_results_total{feature="one",hook="Route",result="`+result+`"} 0`)
		require.NotContains(t, got, `egraft_mutator_results_total{feature="one",hook="Cluster",result="`+result+`"} 0`)
	}
	require.Subset(t, got, []string{
		`egraft_limit_message_bytes 1.048576e+06`,
		`egraft_limit_call_seconds 1.5`,
		`egraft_build_info{commit="c",envoy_gateway="v2",goversion="go1",version="v1"} 1`,
		`egraft_feature_info{feature="two",module="example.org/two",version="v3"} 1`,
	})
	require.Contains(t, strings.Join(got, "\n"), "\ngo_goroutines ")
	require.Contains(t, strings.Join(got, "\n"), "\nprocess_resident_memory_bytes ")
}

func TestCall(t *testing.T) {
	tel, before := newTelemetry(), time.Now()
	tel.Call("Route", codes.OK, 3*time.Millisecond, 2000, 70_000)
	tel.Call("Route", codes.ResourceExhausted, time.Millisecond, 0, 0)
	got := scrape(t, tel)
	require.Subset(t, got, []string{
		`egraft_calls_total{code="OK",hook="Route"} 1`,
		`egraft_calls_total{code="ResourceExhausted",hook="Route"} 1`,
		`egraft_call_duration_seconds_sum{hook="Route"} 0.004`,
		`egraft_request_bytes_sum{hook="Route"} 2000`,
		`egraft_request_bytes_bucket{hook="Route",le="4096"} 2`,
		`egraft_response_bytes_sum{hook="Route"} 70000`,
		`egraft_last_call_timestamp_seconds{hook="Cluster"} 0`,
	})
	require.GreaterOrEqual(t, sample(t, got, `egraft_last_call_timestamp_seconds{hook="Route"} `), float64(before.Unix()))
	require.Contains(t, got, `egraft_largest_message_bytes{hook="Route"} 70000`)
	require.Contains(t, got, `egraft_largest_message_bytes{hook="Cluster"} 0`)

	calls := tel.Calls()
	require.Len(t, calls, len(mutator.Hooks()))
	for _, c := range calls {
		if c.Hook == mutator.HookRoute {
			require.WithinRange(t, c.Last, before, time.Now())
			c.Last = time.Time{}
			require.Equal(t, telemetry.HookCalls{
				Hook: mutator.HookRoute, OK: 1, Failed: 1, TooLarge: 1, LastCode: codes.ResourceExhausted, LargestBytes: 70_000,
			}, c)
		} else {
			require.Equal(t, telemetry.HookCalls{Hook: c.Hook}, c)
		}
	}
}

func TestChecks(t *testing.T) {
	require.Contains(t, scrape(t, newTelemetry()), `egraft_check_status{check="Ill",code="EGR500"} 2`)
}

func TestGuard(t *testing.T) {
	require.Subset(t, scrape(t, newTelemetry()), []string{
		`egraft_abandoned_goroutines 4`, `egraft_quarantined_inputs 7`, `egraft_limit_mutator_seconds 0.5`,
	})
}

func TestCache(t *testing.T) {
	require.Subset(t, scrape(t, newTelemetry()), []string{
		`egraft_cache_hits_total 3`, `egraft_cache_misses_total 2`, `egraft_cache_bytes 1000`, `egraft_limit_cache_bytes 2000`,
		`egraft_journal_bytes 11`, `egraft_journal_calls 12`, `egraft_journal_dropped_total 13`, `egraft_limit_journal_bytes 3000`,
	})
}

func TestOutcomes(t *testing.T) {
	tel := newTelemetry()
	tel.Outcomes(mutator.HookRoute, "one", "applied", 1)
	tel.Outcomes(mutator.HookRoute, "one", "applied", 1)
	require.Contains(t, scrape(t, tel), `egraft_mutator_results_total{feature="one",hook="Route",result="applied"} 2`)
}

func TestKubernetes(t *testing.T) {
	tel := newTelemetry()
	require.Subset(t, scrape(t, tel), []string{
		`egraft_kubernetes_writes_total{result="forbidden",write="conditions"} 0`,
		`egraft_kubernetes_writes_total{result="repeated",write="event"} 0`,
		`egraft_kubernetes_outcomes_dropped_total 0`,
	})
	tel.Written("event", "written")
	tel.Dropped()
	require.Subset(t, scrape(t, tel), []string{
		`egraft_kubernetes_writes_total{result="written",write="event"} 1`,
		`egraft_kubernetes_outcomes_dropped_total 1`,
	})
}

// sample returns the value of the series with a prefix.
func sample(t *testing.T, lines []string, prefix string) float64 {
	t.Helper()
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, prefix); ok {
			v, err := strconv.ParseFloat(text, 64)
			require.NoError(t, err)
			return v
		}
	}
	require.FailNow(t, "no such series", prefix)
	return 0
}
