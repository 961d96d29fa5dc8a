package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/envoyproxy/gateway/proto/extension"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"

	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/feature"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/setting"
)

// statSettings are the settings of the feature "stat", which prefixes the statistics of clusters.
type statSettings struct {
	Prefix string
	Suffix string
	Wait   time.Duration
}

func statTable(s *statSettings) []setting.Setting {
	return []setting.Setting{
		{Name: "prefix", Value: setting.Text(&s.Prefix, "text"), Help: "what is put in front of names"},
		{Name: "suffix", Value: setting.Text(&s.Suffix, "text"), Help: "what is put behind names"},
		{Name: "wait-time", Value: setting.Duration(&s.Wait), Help: "how long to wait"},
	}
}

func newStat(s statSettings) (mutator.Feature, error) {
	if s.Prefix+s.Suffix == "" {
		return mutator.Feature{}, errors.New("prefix or suffix must be set")
	}
	return mutator.Feature{
		Name: "stat", Hooks: []mutator.Hook{mutator.HookCluster}, After: []string{"hedge"},
		Clusters: mutator.Func[*clusterv3.Cluster]{Do: func(_ context.Context, _ *mutator.Input, c *clusterv3.Cluster) error {
			c.AltStatName = s.Prefix + c.GetName() + s.Suffix
			return nil
		}},
	}, nil
}

func stat() feature.Registration {
	return feature.WithSettings("stat", statSettings{}, statTable, newStat)
}

// first is a feature without settings that runs after stat.
func first() mutator.Feature {
	return mutator.Feature{Name: "first", Hooks: []mutator.Hook{mutator.HookRoute}, After: []string{"stat"}}
}

// custom runs a command of a binary with features; by default stat and first.
func custom(t *testing.T, environ []string, args []string, registered ...feature.Registration) result {
	t.Helper()
	if registered == nil {
		registered = []feature.Registration{feature.New(first), stat()}
	}
	var stdout, stderr output
	code := run(t.Context(), args, &program{features: catalog.Builtin, registered: registered, environ: environ, stdout: &stdout, stderr: &stderr})
	return result{code, stdout.String(), stderr.String()}
}

func TestFeaturesAreChecked(t *testing.T) {
	file := filepath.Join(t.TempDir(), "egraft.yaml")
	write := func(features string) {
		require.NoError(t, os.WriteFile(file, []byte("apiVersion: config.egraft.io/v1alpha1\nkind: EgraftConfiguration\nfeatures:\n"+features), 0o600))
	}
	check := []string{"config", "check", "--config", file}
	write("  stat: {prefix: a, waitTime: 1s}\n")
	require.Equal(t, ExitOK, custom(t, nil, check).code)

	write("  stat: {prefx: a, waitTime: soon}\n")
	require.Equal(t, result{ExitUsage, "", "egraft: 3 settings are invalid:\n" +
		"  features.stat.waitTime: Invalid value: \"soon\": must be a duration with its unit, like \"1s\" or \"1m30s\"\n" +
		"  features.stat.prefx: Forbidden: unknown field\n" +
		"  EGRAFT_STAT_WAIT_TIME: Invalid value: \"1\": must be a duration with its unit, like \"1s\" or \"1m30s\"\n" +
		"See `egraft config check --help`.\n"}, custom(t, []string{"EGRAFT_STAT_WAIT_TIME=1"}, check))

	write("  stat: {waitTime: 1s}\n")
	require.Equal(t, result{ExitUsage, "", "egraft: features.stat: Invalid value: prefix or suffix must be set\n" +
		"See `egraft config check --help`.\n"}, custom(t, nil, check))
	require.Equal(t, ExitOK, custom(t, nil, append(check, "--stat-suffix=x")).code)
	require.Equal(t, ExitOK, custom(t, nil, append(check, "--disable-features=stat")).code, "what does not run needs no settings")
}

func TestFeaturesInHelp(t *testing.T) {
	serve := custom(t, nil, []string{"serve", "--help"}).stdout
	require.Regexp(t, `(?s)--max-sds-secrets-per-namespace .*\n +--stat-prefix text +what is put in front of names\n`, serve)
	require.Regexp(t, `\n +--stat-wait-time duration +how long to wait \(default 0s\)\n`, serve)
	require.NotContains(t, custom(t, nil, []string{"healthcheck", "--help"}).stdout, "--stat-prefix")
	require.NotContains(t, egraft(t.Context(), nil, "serve", "--help").stdout, "--stat-prefix", "without the feature")
}

// namesOf loads settings and returns the enabled features, in order.
func namesOf(t *testing.T, environ []string, registered ...feature.Registration) []string {
	t.Helper()
	p := &program{features: catalog.Builtin, registered: registered, environ: append(environ, "EGRAFT_STAT_PREFIX=a")}
	s, err := p.load(nil)
	require.NoError(t, err)
	return names(s)
}

// TestOrderOfFeatures: the built-in ones keep their order, and After positions a feature among
// them, also after one that is off or disabled.
func TestOrderOfFeatures(t *testing.T) {
	last := func() mutator.Feature { return mutator.Feature{Name: "last", Hooks: []mutator.Hook{mutator.HookRoute}} }
	prompt := func() mutator.Feature {
		return mutator.Feature{Name: "behind-prompt", Hooks: []mutator.Hook{mutator.HookRoute}, After: []string{"fast-cluster-updates"}}
	}
	registered := []feature.Registration{feature.New(first), feature.New(last), feature.New(prompt), stat()}
	require.Equal(t, "hedge stat first backend-mtls buffer filter-policy http-filter frontend-mtls original-destination behind-prompt xds-patch-policy last",
		strings.Join(namesOf(t, nil, registered...), " "))
	require.Equal(t, "first backend-mtls buffer filter-policy http-filter frontend-mtls original-destination fast-cluster-updates behind-prompt attempt-count xds-patch-policy last",
		strings.Join(namesOf(t, []string{"EGRAFT_FAST_CLUSTER_UPDATES=true", "EGRAFT_INCLUDE_ATTEMPT_COUNT=true", "EGRAFT_DISABLE_FEATURES=hedge,stat"}, registered...), " "))
}

func TestFeaturesThatCannotBe(t *testing.T) {
	loop := func() mutator.Feature {
		return mutator.Feature{Name: "loop", Hooks: []mutator.Hook{mutator.HookRoute}, After: []string{"loop"}}
	}
	for name, test := range map[string]struct {
		registered []feature.Registration
		want       string
	}{
		"after nobody": {[]feature.Registration{feature.New(first)}, `order features: feature "first": after "stat": no feature has this name, the features are ` +
			"attempt-count, backend-mtls, buffer, fast-cluster-updates, filter-policy, first, frontend-mtls, hedge, http-filter, original-destination, xds-patch-policy"},
		"after itself":       {[]feature.Registration{feature.New(loop)}, "order features: features run after each other: loop after loop"},
		"name of a built-in": {[]feature.Registration{feature.New(func() mutator.Feature { return mutator.Feature{Name: "buffer"} })}, `order features: feature "buffer" is listed twice`},
		"name that is none":  {[]feature.Registration{feature.New(func() mutator.Feature { return mutator.Feature{Name: "A"} })}, `feature "A": the name must be lowercase words separated by dashes`},
		"flag of a setting":  {[]feature.Registration{flagged("max", "peers")}, `feature "max": setting "peers": the flag --max-peers is that of egraft`},
		"flag of a command":  {[]feature.Registration{flagged("ca", "secret")}, `feature "ca": setting "secret": the flag --ca-secret is that of egraft`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, result{ExitFailure, "", "egraft: " + test.want + "\n"}, custom(t, nil, []string{"config", "check"}, test.registered...))
		})
	}
}

// flagged is a feature with one setting.
func flagged(name, one string) feature.Registration {
	table := func(*struct{}) []setting.Setting {
		return []setting.Setting{{Name: one, Value: setting.Bool(new(bool))}}
	}
	return feature.WithSettings(name, struct{}{}, table, func(struct{}) (mutator.Feature, error) { return mutator.Feature{Name: name}, nil })
}

// TestServeWithFeatures: a setting changes what Envoy Gateway receives, and the log and the metrics
// name the modules.
func TestServeWithFeatures(t *testing.T) {
	socket, admin := filepath.Join(t.TempDir(), "s"), freeAddress(t)
	args := []string{"--socket", socket, "--admin-address", admin, "--stat-prefix", "a/"}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr, code := &output{}, make(chan int, 1)
	go func() {
		code <- run(ctx, append([]string{"serve"}, args...), &program{
			features: catalog.Builtin, registered: []feature.Registration{stat()}, environ: []string{"EGRAFT_STAT_SUFFIX=/z", "EGRAFT_STAT_SIZE=1"},
			stdout: io.Discard, stderr: stderr,
		})
	}()
	require.Eventually(t, func() bool {
		return custom(t, nil, append([]string{"healthcheck"}, args...), stat()) == result{ExitOK, "serving\n", ""}
	}, 20*time.Second, 5*time.Millisecond, "%s", stderr)
	answer, err := dial(t, "unix:"+socket).PostClusterModify(t.Context(), &extension.PostClusterModifyRequest{Cluster: &clusterv3.Cluster{Name: "c"}})
	require.NoError(t, err)
	require.Equal(t, "a/c/z", answer.GetCluster().GetAltStatName())
	require.Contains(t, get(t, "http://"+admin+"/metrics"), `egraft_feature_info{feature="stat",module="github.com/egraft/egraft",version="`)
	cancel()
	require.Equal(t, ExitOK, <-code)
	require.Contains(t, stderr.String(), `"features":["hedge","stat","backend-mtls",`)
	require.Contains(t, stderr.String(), `"modules":["stat github.com/egraft/egraft `)
	require.Contains(t, stderr.String(), `"variable":"EGRAFT_STAT_SIZE"`)
	require.NotContains(t, stderr.String(), `EGRAFT_STAT_SUFFIX`)
}

func TestVersionOfFeatures(t *testing.T) {
	got := custom(t, nil, []string{"version"})
	require.Equal(t, ExitOK, got.code)
	require.Regexp(t, `\nenvoy gateway protocol \S+\nfeature first github\.com/egraft/egraft \S+\nfeature stat github\.com/egraft/egraft \S+\n$`, got.stdout)
}
