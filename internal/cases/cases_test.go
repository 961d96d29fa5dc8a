package cases_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/egraft/egraft/internal/callfile"
	"github.com/egraft/egraft/internal/cases"
	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/internal/recording"
	"github.com/egraft/egraft/pkg/apis/v1alpha1"
	"github.com/egraft/egraft/pkg/attach"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/xds"
)

// ofGateway is a recording of a real Envoy Gateway with a BackendMTLSPolicy on a Gateway.
const ofGateway = "../../e2e/playback/testdata"

// Environment variables with which a test below runs the conformance kit in a separate process,
// which may fail.
const directoryVariable, featureVariable, changedVariable = "CASES_DIRECTORY", "CASES_FEATURE", "CASES_CHANGED"

func builtin(t testing.TB, name string) mutator.Feature {
	t.Helper()
	for _, f := range catalog.Builtin(catalog.Everything()) {
		if f.Name == name {
			return f
		}
	}
	t.Fatalf("there is no feature %s", name)
	return mutator.Feature{}
}

// TestKit runs the kit as the test of a feature with these cases.
func TestKit(t *testing.T) {
	dir := os.Getenv(directoryVariable)
	if dir == "" {
		t.Skip("is run by others")
	}
	mutatortest.Run(t, dir, func() mutator.Feature {
		f := builtin(t, os.Getenv(featureVariable))
		if os.Getenv(changedVariable) != "" {
			f.ClusterVariants = slower{f.ClusterVariants}
		}
		return f
	})
}

// slower modifies a feature: its clusters have another timeout.
type slower struct{ mutator.ClusterVariants }

func (s slower) PlanVariant(in *mutator.Input, way *xds.Way) *mutator.Variant {
	v := s.ClusterVariants.PlanVariant(in, way)
	if v == nil || v.Edit == nil {
		return v
	}
	edit := v.Edit
	v.Edit = func(ctx context.Context, c *clusterv3.Cluster) error {
		c.ConnectTimeout = durationpb.New(42 * time.Second)
		return edit(ctx, c)
	}
	return v
}

// kit runs the conformance kit on cases.
func kit(t *testing.T, dir, feature string, environ ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKit$", "-test.v")
	cmd.Env = append(append(os.Environ(), directoryVariable+"="+dir, featureVariable+"="+feature), environ...)
	out, err := cmd.CombinedOutput()
	return string(out), err == nil
}

func write(t *testing.T, made []cases.Case) string {
	t.Helper()
	dir := t.TempDir()
	for _, c := range made {
		require.NoError(t, os.Mkdir(filepath.Join(dir, c.Name), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, c.Name, "in.yaml"), c.In, 0o600))
		require.NoError(t, os.WriteFile(filepath.Join(dir, c.Name, "out.yaml"), c.Out, 0o600))
	}
	return dir
}

func open(t *testing.T, path string) *recording.Recording {
	t.Helper()
	r, err := recording.Open(path)
	require.NoError(t, err)
	return r
}

// TestRealCalls: cases from recorded calls pass, and fail after the feature changes.
func TestRealCalls(t *testing.T) {
	r := open(t, ofGateway)
	for _, only := range []bool{false, true} {
		made, err := (&cases.Maker{Feature: builtin(t, "backend-mtls"), OnlyChanged: only}).Make(t.Context(), r)
		require.NoError(t, err)
		require.Len(t, made, 1)
		require.Equal(t, "default-eg-programmed", made[0].Name)
		dir := write(t, made)
		out, passed := kit(t, dir, "backend-mtls")
		require.True(t, passed, out)
		out, passed = kit(t, dir, "backend-mtls", changedVariable+"=1")
		require.False(t, passed, out)
		require.Contains(t, out, "default-eg-programmed/out.yaml differs")
		require.NotContains(t, string(made[0].In), "metadata:\n  bytes:", "what is known of the recording")
	}
}

// record makes the calls of a case to all features, as Envoy Gateway would, and returns the recording.
func record(t *testing.T, path string) *recording.Recording {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	steps, err := callfile.Parse(data)
	require.NoError(t, err)
	e, err := engine.New(catalog.Builtin(catalog.Everything()))
	require.NoError(t, err)
	r, done := &recording.Recording{}, callfile.Returned{}
	for _, s := range steps {
		require.NoError(t, done.Complete(s.Call))
		c := &recording.Call{Call: s.Call}
		c.ID, c.Gateway = string(s.Hook), "default/eg"
		if s.Hook != mutator.HookTranslation {
			c.Translation = string(mutator.HookTranslation)
		}
		r.Calls = append(r.Calls, c)
		res, err := e.Run(t.Context(), s.Call)
		require.NoError(t, err)
		require.NoError(t, done.Note(res))
	}
	return r
}

// TestRoutePolicy: the translation does not repeat what the Route hook returned, and neither has
// metadata that other features left on routes.
func TestRoutePolicy(t *testing.T) {
	r := record(t, "../../pkg/features/backendmtls/testdata/route-beats-gateway/in.yaml")
	made, err := (&cases.Maker{Feature: builtin(t, "backend-mtls")}).Make(t.Context(), r)
	require.NoError(t, err)
	require.Len(t, made, 1)
	require.Equal(t, "default-eg-conflicted-programmed", made[0].Name)
	require.True(t, strings.HasPrefix(string(made[0].In), "# Recorded, of Gateway \"default/eg\". Secrets are redacted.\ncalls:\n"))
	require.NotContains(t, string(made[0].In), xds.MetadataNamespace+":", "what egraft left on routes")
	out, passed := kit(t, write(t, made), "backend-mtls")
	require.True(t, passed, out)
}

// TestOnlyChanged: resources that the feature does not touch are removed.
func TestOnlyChanged(t *testing.T) {
	r := open(t, ofGateway)
	last := r.Latest()[0]
	for _, name := range []string{"another", "one-more"} {
		raw, err := proto.Marshal(&clusterv3.Cluster{Name: name, ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_STATIC}})
		require.NoError(t, err)
		for i := range last.Resources {
			if last.Resources[i].Kind == mutator.KindCluster {
				last.Resources[i].Encoded = append(last.Resources[i].Encoded, raw)
			}
		}
	}
	feature := builtin(t, "backend-mtls")
	all, err := (&cases.Maker{Feature: feature}).Make(t.Context(), r)
	require.NoError(t, err)
	only, err := (&cases.Maker{Feature: feature, OnlyChanged: true}).Make(t.Context(), r)
	require.NoError(t, err)
	require.Contains(t, string(all[0].In), "one-more")
	require.NotContains(t, string(only[0].In), "one-more")
	require.NotContains(t, string(only[0].In), "another")
	require.LessOrEqual(t, only[0].Resources, all[0].Resources-2)
}

// slow returns a feature that edits clusters depending on the routes to them, and leaves routes unmodified.
func slow() mutator.Feature {
	return attach.ClusterPolicy[v1alpha1.BackendMTLSPolicy]{
		Name: "slow", Kind: v1alpha1.GroupVersion.WithKind("BackendMTLSPolicy"), OnFailure: mutator.Ignore,
		Targets: func(p *v1alpha1.BackendMTLSPolicy) *v1alpha1.PolicyTargets { return &p.Spec.PolicyTargets },
		Edit: func(_ *v1alpha1.BackendMTLSPolicy, c *clusterv3.Cluster) (attach.Change, error) {
			c.ConnectTimeout = durationpb.New(42 * time.Second)
			return attach.Modified, nil
		},
		Describe: func(_ *v1alpha1.BackendMTLSPolicy, clusters int) string {
			return fmt.Sprintf("%d clusters are slow", clusters)
		},
	}.Feature()
}

// TestOnlyChangedKeepsWhatCounts: routes are kept although they are unmodified, because the
// clusters depend on them.
func TestOnlyChangedKeepsWhatCounts(t *testing.T) {
	made, err := (&cases.Maker{Feature: slow(), OnlyChanged: true}).Make(t.Context(), open(t, ofGateway))
	require.NoError(t, err)
	require.Equal(t, "default-eg-programmed", made[0].Name)
	require.Equal(t, 1, strings.Count(string(made[0].In), "virtualHosts:"), "of two listeners, the routes of one are enough")
	require.Contains(t, string(made[0].Out), "1 clusters are slow")
}

// TestForeignMarks: egraft's metadata is removed from routes whose calls are not in the case.
func TestForeignMarks(t *testing.T) {
	r := record(t, "../../pkg/features/backendmtls/testdata/route-beats-gateway/in.yaml")
	last := r.Calls[len(r.Calls)-1]
	text, err := recording.Marshal(last)
	require.NoError(t, err)
	require.Contains(t, string(text), `"`+xds.MetadataNamespace+`":`)
	r.Calls = []*recording.Call{last}
	made, err := (&cases.Maker{Feature: builtin(t, "backend-mtls")}).Make(t.Context(), r)
	require.NoError(t, err)
	require.NotContains(t, string(made[0].In), xds.MetadataNamespace+":")
}

func TestNothing(t *testing.T) {
	_, err := (&cases.Maker{Feature: builtin(t, "buffer")}).Make(t.Context(), open(t, ofGateway))
	require.ErrorIs(t, err, cases.ErrNothing)
	require.EqualError(t, err, "in the recorded calls, the feature does nothing: buffer")
}

// TestHostileNames: names in a recording cannot escape the directory or start a line.
func TestHostileNames(t *testing.T) {
	r := open(t, ofGateway)
	for _, c := range r.Calls {
		c.Gateway = "../../etc/x\n calls: []\x1b[31m" + strings.Repeat("a", 500)
	}
	made, err := (&cases.Maker{Feature: builtin(t, "backend-mtls")}).Make(t.Context(), r)
	require.NoError(t, err)
	require.Regexp(t, "^[a-z0-9-]{1,80}$", made[0].Name)
	head, _, _ := strings.Cut(string(made[0].In), "\nhook")
	require.NotContains(t, head, "\n")
	require.NotContains(t, string(made[0].In), "\x1b")
}

// TestAll: with all translations, repeated names get a number.
func TestAll(t *testing.T) {
	r := open(t, ofGateway)
	r.Calls = append(r.Calls, r.Calls[len(r.Calls)-1])
	made, err := (&cases.Maker{Feature: builtin(t, "backend-mtls"), All: true}).Make(t.Context(), r)
	require.NoError(t, err)
	var names []string
	for _, c := range made {
		names = append(names, c.Name)
	}
	require.Equal(t, []string{"default-eg-programmed", "default-eg-programmed-2"}, names)
}
