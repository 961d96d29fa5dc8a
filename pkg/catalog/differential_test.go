package catalog_test

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"sigs.k8s.io/yaml"

	"github.com/egraft/egraft/internal/engine"
	"github.com/egraft/egraft/pkg/catalog"
	"github.com/egraft/egraft/pkg/mutator"
	"github.com/egraft/egraft/pkg/mutator/mutatortest"
	"github.com/egraft/egraft/pkg/policy"
	"github.com/egraft/egraft/pkg/xds"
)

// corpus returns every policy in the mutators' test data, grouped by call, and every policy in the
// tests of the custom resources, including invalid ones, grouped by folder.
func corpus(t *testing.T) map[string][][]byte {
	t.Helper()
	cases, err := filepath.Glob("../features/*/testdata/*/in.yaml")
	require.NoError(t, err)
	require.Greater(t, len(cases), 20)
	out := map[string][][]byte{}
	for _, path := range cases {
		calls, err := mutatortest.ReadCalls(path)
		require.NoError(t, err)
		dir := filepath.Dir(path)
		for i, call := range calls {
			out[fmt.Sprintf("%s/%s/%d", filepath.Base(filepath.Dir(filepath.Dir(dir))), filepath.Base(dir), i)] = call.Objects
		}
	}
	files, err := filepath.Glob("../../crds/testdata/*/*/*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 20)
	for _, path := range files {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		object, err := yaml.YAMLToJSON(content)
		require.NoError(t, err, path)
		name := filepath.Dir(path) // one group per folder takes less time
		out[name] = append(out[name], object)
	}
	return out
}

// everything combines many golden files into one translation, with routes of a Gateway that the
// policies target: a third of them, so that a run with all policies takes minutes.
func everything(t *testing.T) *engine.Call {
	t.Helper()
	all := readGolden(t, goldenFiles(t)[0])
	for n, base := range goldenFiles(t) {
		if n%3 != 1 || filepath.Base(base) == "backend-tls-settings" {
			continue // invalid curves, so that clusters are denied: see TestGoldenWithPolicy
		}
		for i, list := range readGolden(t, base).Resources {
			all.Resources[i].Encoded = append(all.Resources[i].Encoded, list.Encoded...)
		}
	}
	ownedByGateway(t, all)
	return all
}

// marked adds the entries that the Route hook adds for the policy.
func marked(t *testing.T, call *engine.Call, policies [][]byte) *engine.Call {
	t.Helper()
	out := &engine.Call{Hook: call.Hook, Objects: policies, Resources: slices.Clone(call.Resources)}
	if len(policies) == 0 || !bytes.Contains(policies[0], []byte(`"BackendMTLSPolicy"`)) {
		return out // only policies that can be attached to routes have entries
	}
	mark, usable := markOf(t, policies[0])
	if !usable {
		return out // the Route hook denies the route
	}
	configs := &out.Resources[3]
	configs.Encoded = slices.Clone(configs.Encoded)
	for i := 0; i < len(configs.Encoded); i += 7 { // some of them
		rc := &routev3.RouteConfiguration{}
		require.NoError(t, proto.Unmarshal(configs.Encoded[i], rc))
		for _, vh := range rc.GetVirtualHosts() {
			for _, r := range vh.GetRoutes() {
				r.Metadata = xds.SetMetadataEntry(r.GetMetadata(), mark)
			}
		}
		configs.Encoded[i] = deterministic(t, rc)
	}
	return out
}

// markOf returns the entry that the Route hook adds for a valid policy.
func markOf(t *testing.T, raw []byte) (xds.MetadataEntry, bool) {
	t.Helper()
	f := catalog.Builtin(catalog.Options{})[1]
	set, err := policy.NewSet(f.Policies, [][]byte{raw})
	require.NoError(t, err)
	objects := set.Of(f.Policies[0].GroupVersionKind)
	if len(objects) == 0 || objects[0].Err != nil {
		return xds.MetadataEntry{}, false
	}
	mark, err := mutator.EncodeAttached(&mutator.Input{}, f.Policies[0].GroupVersionKind, policy.Attachment{Object: objects[0], Specificity: policy.ToRoute}, nil)
	require.NoError(t, err)
	return mark, true
}

// TestSameAsPlain compares the engine with [plain] for every golden file and every policy: without
// a cache, with an empty cache, with a cache that has the results, and on its own results, where
// nothing changes any more. All policies use the same cache.
func TestSameAsPlain(t *testing.T) {
	features := catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second})
	without, with := builtin(t), remembering(t)
	call := everything(t)
	applied, all, each := 0, corpus(t), 1
	if testing.Short() {
		each = 5
		t.Run("the other policies", func(t *testing.T) { t.Skip("with -short, a fifth of them: the rest takes a minute") })
	}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i%each != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			call := marked(t, call, all[name])
			want := plain(features).run(t, call)
			for pass, e := range map[string]*engine.Engine{"without cache": without, "cold": with, "warm": with} {
				got, err := e.Run(t.Context(), call)
				require.NoError(t, err, pass)
				requireEqualResults(t, pass, want, got)
			}
			again := *call
			again.Resources = want.Resources
			got, err := with.Run(t.Context(), &again)
			require.NoError(t, err)
			requireSame(t, want.Resources, got.Resources)
			for _, o := range want.Outcomes {
				if o.Result == engine.Applied {
					applied++
				}
			}
		})
	}
	require.Greater(t, applied, 5000/each)
	require.Greater(t, with.CacheStats().Hits, uint64(applied), "the cache was used")
}

func remembering(t *testing.T) *engine.Engine {
	t.Helper()
	e, err := engine.New(catalog.Builtin(catalog.Options{EDSInitialFetchTimeout: time.Second}), engine.WithCache(256<<20))
	require.NoError(t, err)
	return e
}

// requireEqualResults compares bytes, outcomes of resources and outcomes of policies.
func requireEqualResults(t *testing.T, pass string, want, got *engine.Response) {
	t.Helper()
	requireSame(t, want.Resources, got.Resources)
	require.Equal(t, describe(want), describe(got), pass)
	require.Len(t, got.Policies, len(want.Policies), pass)
	for i, p := range want.Policies {
		requireEqualOutcome(t, pass, want, p, got.Policies[i])
	}
}

// requireEqualOutcome compares the outcomes of a policy. Reporters do not know which edits failed:
// the engine reports failed edits for policies that would otherwise be Programmed.
func requireEqualOutcome(t *testing.T, pass string, res *engine.Response, want, got mutator.PolicyOutcome) {
	t.Helper()
	require.Equal(t, want.Policy.String(), got.Policy.String(), pass)
	if want.Reason == mutator.Programmed && got.Reason == mutator.ApplyFailed {
		require.True(t, slices.ContainsFunc(res.Outcomes, func(o *engine.Outcome) bool {
			return o.Err != nil && strings.HasPrefix(got.Message, o.Err.Error())
		}), "%s: %s", pass, got.Message)
		return
	}
	require.Equal(t, want.Reason, got.Reason, pass)
	require.Equal(t, want.Message, got.Message, pass)
}

func describe(res *engine.Response) (lines []string) {
	for _, o := range res.Outcomes {
		line := o.Feature + " " + string(o.Kind) + " " + o.Name + " " + string(o.Result)
		if o.Err != nil {
			line += " " + o.Err.Error()
		}
		lines = append(lines, line)
	}
	return lines
}
